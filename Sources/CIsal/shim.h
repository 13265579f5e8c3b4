#include <isa-l/igzip_lib.h>

// A macro made of other macros, which Swift does not see.
static const unsigned int rrtool_isal_level_1_buffer = ISAL_DEF_LVL1_DEFAULT;
