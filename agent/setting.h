// SPDX-License-Identifier: Apache-2.0
// Switches of the host's network stack, one per device:
// /proc/sys/net/{family}/conf/{device}/{name}.
#pragma once

// '0', '1', ...; 0 where there is none (no IPv6 in this kernel, or the device is gone).
char setting_read(const char *family, const char *device, const char *name);
// Best effort: a device may be gone by now.
void setting_write(const char *family, const char *device, const char *name, char value);
