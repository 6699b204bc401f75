//! Methods that set one field of a settings struct, which is `#[non_exhaustive]` and so has no literals elsewhere.

/// `with_FIELD(self, FIELD) -> Self` for each field.
macro_rules! setters {
    ($($method:ident($field:ident: $type:ty)),+ $(,)?) => {$(
        #[doc = concat!("The same settings with another [`", stringify!($field), "`](Self::", stringify!($field), ").")]
        #[must_use]
        pub fn $method(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        }
    )+};
}
pub(crate) use setters;
