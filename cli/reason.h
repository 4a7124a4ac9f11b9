// SPDX-License-Identifier: Apache-2.0
// The reasons why the datapath drops a packet, by name.
#pragma once

// The sentence that explains "spoofed-mac"; NULL for a reason that this program does not know.
const char *reason_help(const char *name);
