//! The JSON Schemas of arguments and results.

use schemars::JsonSchema;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;

/// The schema of what a tool takes.
pub fn arguments<T: JsonSchema>() -> String {
    text::<T>(SchemaSettings::draft2020_12().for_deserialize())
}

/// The schema of what a tool returns.
pub fn result<T: JsonSchema>() -> String {
    text::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn text<T: JsonSchema>(settings: SchemaSettings) -> String {
    let mut settings = settings.with_transform(RecursiveTransform(plain));
    // References are one thing more that a model, or its provider, can get wrong. Recursive types still have them.
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // The name of a Rust type tells a model nothing.
    schema.remove("title");
    schema.as_value().to_string()
}

/// Takes away what JSON Schema does not know: formats such as `uint64`, which some model providers refuse.
fn plain(schema: &mut Schema) {
    let numeric = schema.get("format").and_then(|format| format.as_str()).is_some_and(|format| {
        let width = format.trim_start_matches("uint").trim_start_matches("int");
        matches!(format, "float" | "double") || matches!(width, "" | "8" | "16" | "32" | "64" | "128")
    });
    if numeric {
        schema.remove("format");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_rust_format() {
        assert_eq!(
            result::<u64>(),
            r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","minimum":0,"type":"integer"}"#
        );
        assert!(!result::<Vec<f64>>().contains("format"));
    }
}
