// SPDX-License-Identifier: Apache-2.0
#include "resolvers.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void resolvers_refresh(struct resolvers *resolvers, const char *path)
{
	struct stat info;
	char line[256], text[ADDRESS_TEXT];
	FILE *file = fopen(path, "re");
	if (!file || fstat(fileno(file), &info)) {
		*resolvers = (struct resolvers){0};
	} else if (memcmp(&info.st_mtim, &resolvers->changed, sizeof(info.st_mtim))) {
		resolvers->changed = info.st_mtim;
		resolvers->count = 0;
		while (resolvers->count < RESOLVERS && fgets(line, sizeof(line), file))
			if (sscanf(line, " nameserver %45s", text) == 1 &&
				!address_parse(text, &resolvers->items[resolvers->count]))
				resolvers->count++;
	}
	if (file)
		fclose(file);
}
