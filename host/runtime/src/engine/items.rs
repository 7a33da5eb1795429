//! How much there is in a section of a component, before the validator reads it: it keeps a hundred bytes and more for what takes two or
//! three here.

use wasmparser::{
    BinaryReaderError, ComponentDefinedType, ComponentInstance, ComponentType, ComponentTypeDeclaration,
    CompositeInnerType, CoreType, FromReader, Instance, InstanceTypeDeclaration, ModuleTypeDeclaration, Payload,
    RecGroup, SectionLimited,
};

/// Items of a section: types with all that they are made of, imports, exports, arguments of instances and the like.
///
/// # Errors
/// It is damaged.
pub(super) fn of_section(payload: &Payload<'_>) -> Result<usize, BinaryReaderError> {
    Ok(match payload {
        Payload::TypeSection(section) => sum(section, of_group)?,
        Payload::CoreTypeSection(section) => sum(section, of_core)?,
        Payload::ComponentTypeSection(section) => sum(section, of_type)?,
        Payload::InstanceSection(section) => sum(section, |instance| match instance {
            Instance::Instantiate { args, .. } => 1 + args.len(),
            Instance::FromExports(exports) => 1 + exports.len(),
        })?,
        Payload::ComponentInstanceSection(section) => sum(section, |instance| match instance {
            ComponentInstance::Instantiate { args, .. } => 1 + args.len(),
            ComponentInstance::FromExports(exports) => 1 + exports.len(),
        })?,
        Payload::ImportSection(section) => section.count() as usize,
        Payload::TableSection(section) => section.count() as usize,
        Payload::MemorySection(section) => section.count() as usize,
        Payload::GlobalSection(section) => section.count() as usize,
        Payload::TagSection(section) => section.count() as usize,
        Payload::ExportSection(section) => section.count() as usize,
        Payload::ElementSection(section) => section.count() as usize,
        Payload::DataSection(section) => section.count() as usize,
        Payload::ComponentAliasSection(section) => section.count() as usize,
        Payload::ComponentCanonicalSection(section) => section.count() as usize,
        Payload::ComponentImportSection(section) => section.count() as usize,
        Payload::ComponentExportSection(section) => section.count() as usize,
        _ => 0,
    })
}

/// Instances of components that a section makes, and items of it that instances may have copies of.
///
/// # Errors
/// It is damaged.
pub(super) fn copied(payload: &Payload<'_>) -> Result<(usize, usize), BinaryReaderError> {
    Ok(match payload {
        Payload::ComponentInstanceSection(section) => {
            let made = |instance: &_| usize::from(matches!(instance, ComponentInstance::Instantiate { .. }));
            (sum(section, made)?, of_section(payload)?)
        }
        Payload::CoreTypeSection(_)
        | Payload::ComponentTypeSection(_)
        | Payload::ComponentAliasSection(_)
        | Payload::ComponentImportSection(_)
        | Payload::ComponentExportSection(_) => (0, of_section(payload)?),
        _ => (0, 0),
    })
}

fn sum<'a, T: FromReader<'a>>(
    section: &SectionLimited<'a, T>,
    of: impl Fn(&T) -> usize,
) -> Result<usize, BinaryReaderError> {
    section.clone().into_iter().try_fold(0_usize, |have, item| Ok(have.saturating_add(of(&item?))))
}

fn of_group(group: &RecGroup) -> usize {
    let fields = |inner: &CompositeInnerType| match inner {
        CompositeInnerType::Func(function) => function.params().len() + function.results().len(),
        CompositeInnerType::Struct(structure) => structure.fields.len(),
        CompositeInnerType::Array(_) | CompositeInnerType::Cont(_) => 1,
    };
    group.types().map(|sub| 1 + fields(&sub.composite_type.inner)).sum::<usize>().max(1)
}

fn of_core(core: &CoreType<'_>) -> usize {
    match core {
        CoreType::Rec(group) => of_group(group),
        CoreType::Module(declarations) => {
            let of = |declaration: &ModuleTypeDeclaration<'_>| match declaration {
                ModuleTypeDeclaration::Type(group) => of_group(group),
                _ => 1,
            };
            1 + declarations.iter().map(of).sum::<usize>()
        }
    }
}

/// Types are within each other only as deep as the parser reads them.
fn of_type(ty: &ComponentType<'_>) -> usize {
    1 + match ty {
        ComponentType::Defined(defined) => match defined {
            ComponentDefinedType::Record(fields) => fields.len(),
            ComponentDefinedType::Variant(cases) => cases.len(),
            ComponentDefinedType::Tuple(types) => types.len(),
            ComponentDefinedType::Flags(names) | ComponentDefinedType::Enum(names) => names.len(),
            _ => 0,
        },
        ComponentType::Func(function) => function.params.len(),
        ComponentType::Resource { .. } => 0,
        ComponentType::Component(declarations) => {
            let of = |declaration: &ComponentTypeDeclaration<'_>| match declaration {
                ComponentTypeDeclaration::CoreType(core) => of_core(core),
                ComponentTypeDeclaration::Type(ty) => of_type(ty),
                _ => 1,
            };
            declarations.iter().map(of).sum::<usize>()
        }
        ComponentType::Instance(declarations) => {
            let of = |declaration: &InstanceTypeDeclaration<'_>| match declaration {
                InstanceTypeDeclaration::CoreType(core) => of_core(core),
                InstanceTypeDeclaration::Type(ty) => of_type(ty),
                _ => 1,
            };
            declarations.iter().map(of).sum::<usize>()
        }
    }
}
