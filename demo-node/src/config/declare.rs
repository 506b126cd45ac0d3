//! The macro with which a stage declares its settings: each once, as a field of a struct.

/// Declares a struct of settings: each field with its setting.
///
/// The struct has `SETTINGS`, which are all of them, and `read`, which takes their values.
macro_rules! settings {
    (
        $(#[$about:meta])*
        $visibility:vis struct $name:ident {
            $(
                $(#[$what:meta])*
                $field:ident: $type:ty = $setting:expr;
            )*
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        $visibility struct $name {
            $(
                $(#[$what])*
                pub $field: $type,
            )*
        }

        impl $name {
            /// All of them, in the order in which `--help` lists them.
            $visibility const SETTINGS: &'static [$crate::config::setting::Setting] =
                &[$($setting.setting),*];

            /// Takes their values.
            ///
            /// # Errors
            ///
            /// If one is wrong or missing.
            $visibility fn read(
                values: &$crate::config::values::Values,
            ) -> Result<Self, $crate::config::values::Error> {
                Ok(Self {
                    $($field: values.get(&$setting)?,)*
                })
            }
        }
    };
}
pub(crate) use settings;
