// SPDX-License-Identifier: Apache-2.0
#include "loop.h"

#include <stdlib.h>

static void handle_free(uv_handle_t *handle)
{
	free(handle);
}

void loop_close(void *handle)
{
	if (handle)
		uv_close(handle, handle_free);
}
