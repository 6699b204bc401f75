/* Found only where libtorch is not: the compiler looks here last (CPLUS_INCLUDE_PATH in .cargo/config.toml). */
#error "libtorch is missing: run `cargo xtask setup` once, then this command again"
/* A header that is not there ends the compilation; an error alone would drown in thousands that follow from it. */
#include "libtorch"
