// SPDX-License-Identifier: Apache-2.0
// Listening sockets.
#pragma once

#include "base/error.h"

// A Unix socket at `path`, mode 0660. One that a dead process left is replaced; one that answers is
// an error (EADDRINUSE), and so is anything there that is not a socket. Returns the descriptor, or
// -errno.
int listen_unix(const char *path, struct error *error);
// TCP at "10.0.0.1:6640" or "[fd00::1]:6640". Returns the descriptor, or -errno.
int listen_tcp(const char *address, struct error *error);
