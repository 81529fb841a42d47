// SPDX-License-Identifier: Apache-2.0
#include "lib/base/must.h"

#include <stdio.h>

char *must_vtext(const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		abort();
	return text;
}

char *must_text(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	char *text = must_vtext(fmt, args);
	va_end(args);
	return text;
}
