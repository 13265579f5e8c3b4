// SPDX-License-Identifier: Apache-2.0

#include "build.h"

// In C, since Swift's compiler takes no text from outside; and in a file of its own, so that a new commit compiles only this.
const char *rrtool_commit(void) { return RRTOOL_COMMIT; }
