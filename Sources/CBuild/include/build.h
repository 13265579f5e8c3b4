// SPDX-License-Identifier: Apache-2.0

#pragma once

/// The commit that this was built from, with `-dirty` behind it when other things were in it; `unknown` outside of git.
const char *rrtool_commit(void);
