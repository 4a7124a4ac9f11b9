// SPDX-License-Identifier: Apache-2.0
// --netns: commands that touch the network of this machine may do it in another network namespace.
#pragma once

#include "base/error.h"
#include "option.h"

extern const struct option_spec netns_options[];
// Enter the one that was given, if any. The mount namespace stays: the BPF file system and the Unix socket are where they were.
int netns_enter(struct error *error);
