// SPDX-License-Identifier: Apache-2.0
// Handles of the event loop that live on the heap, so that whoever closes one need not outlive it.
#pragma once

#include <uv.h>

// Close and, from the loop, free. NULL is fine.
void loop_close(void *handle);
