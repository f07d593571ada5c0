//! A sample of each message, with every field filled from its name: whoever renumbers a field, or gives it another type, changes
//! the bytes.

use prost::Message;
use protox::prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

/// The samples of a message, by name: all fields that are no alternatives, and each alternative by itself.
pub(super) fn samples(message: &MessageDescriptor) -> Vec<(String, String)> {
    let whole = (message.full_name().to_owned(), hex(&filled(message, true)));
    let alternatives = message.fields().filter(is_alternative).map(|field| {
        let mut sample = DynamicMessage::new(message.clone());
        sample.set_field(&field, value(&field));
        (field.full_name().to_owned(), hex(&sample))
    });
    std::iter::once(whole).chain(alternatives).collect()
}

/// Messages in it have their own plain fields alone: what is in those stands in a sample of theirs.
fn filled(message: &MessageDescriptor, deep: bool) -> DynamicMessage {
    let mut sample = DynamicMessage::new(message.clone());
    for field in message.fields().filter(|field| !is_alternative(field)) {
        if deep || !matches!(field.kind(), Kind::Message(_)) {
            sample.set_field(&field, value(&field));
        }
    }
    sample
}

fn is_alternative(field: &FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic())
}

fn value(field: &FieldDescriptor) -> Value {
    if field.is_map() {
        return Value::Map([(MapKey::String("key".to_owned()), Value::String(field.name().to_owned()))].into());
    }
    let one = single(field);
    if field.is_list() { Value::List(vec![one]) } else { one }
}

fn single(field: &FieldDescriptor) -> Value {
    let number = field.name().bytes().map(u32::from).sum::<u32>() % 100 + 1;
    match field.kind() {
        Kind::Bool => Value::Bool(true),
        Kind::String => Value::String(field.name().to_owned()),
        Kind::Bytes => Value::Bytes(field.name().to_owned().into_bytes().into()),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(number),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(number.into()),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(number.cast_signed()),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(number.into()),
        Kind::Float => Value::F32(0.5),
        Kind::Double => Value::F64(0.5),
        Kind::Enum(values) => {
            let named = values.values().map(|value| value.number()).find(|number| *number != 0);
            Value::EnumNumber(named.unwrap_or(0))
        }
        Kind::Message(inner) => Value::Message(filled(&inner, false)),
    }
}

fn hex(message: &DynamicMessage) -> String {
    message.encode_to_vec().iter().map(|byte| format!("{byte:02x}")).collect()
}
