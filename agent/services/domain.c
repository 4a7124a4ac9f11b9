// SPDX-License-Identifier: Apache-2.0
#include "service.h"

size_t domain_encode(const char *domain, uint8_t *out, size_t size)
{
	size_t used = 0;
	for (const char *label = domain; *label;) {
		size_t length = strcspn(label, ".");
		if (!length || length > 63 || used + 1 + length + 1 > size)
			return 0;
		out[used++] = (uint8_t)length;
		memcpy(out + used, label, length);
		used += length;
		label += length;
		if (*label == '.')
			label++;
	}
	out[used++] = 0;
	return used;
}
