// SPDX-License-Identifier: Apache-2.0
#include "allocator/identity_io.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/daemon/loop.h"

#define BOOT_DIGITS 16

/* Of the kernel that runs; "" when it does not say. */
static const char *boot_id(char ret[static BOOT_DIGITS + 1])
{
	FILE *from = fopen("/proc/sys/kernel/random/boot_id", "re");
	int c, n = 0;

	while (from != NULL && n < BOOT_DIGITS && (c = fgetc(from)) != EOF && c != '\n') {
		if (c != '-')
			ret[n++] = (char)c;
	}
	if (from != NULL)
		fclose(from);
	ret[n == BOOT_DIGITS ? n : 0] = '\0';
	return ret;
}

/* The number of our PID namespace; 0: not known. */
static unsigned long pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? (unsigned long)st.st_ino : 0;
}

/* Is /proc the view of our PID namespace? One of another namespace has other processes there. */
static bool proc_is_ours(void)
{
	char text[16];
	ssize_t len = readlink("/proc/self", text, sizeof(text) - 1);

	if (len <= 0)
		return false;
	text[len] = '\0';
	return atoi(text) == (int)getpid();
}

/* Has it ended, and only not been waited for? Then it has its number still, and runs no more. */
static bool is_zombie(int pid)
{
	char path[32], stat[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *from = proc_is_ours() ? fopen(path, "re") : NULL;
	if (from == NULL)
		return false;
	size_t len = fread(stat, 1, sizeof(stat) - 1, from);
	fclose(from);
	stat[len] = '\0';
	const char *name_end = strrchr(stat, ')'); /* the name may have any character */
	return name_end != NULL &&
	       (strncmp(name_end, ") Z", 3) == 0 || strncmp(name_end, ") X", 3) == 0);
}

const char *identity_make(const char *name, char ret[static IDENTITY_MAX])
{
	char host[256] = "", boot[BOOT_DIGITS + 1];

	if (name == NULL || name[0] == '\0') {
		gethostname(host, sizeof(host) - 1);
		name = host[0] != '\0' ? host : "bellman-allocator";
	}
	snprintf(ret, IDENTITY_MAX, "%.253s_%s-%lu-%d-%08x", name, boot_id(boot), pid_namespace(),
		 (int)getpid(), (unsigned)daemon_seed());
	return ret;
}

bool identity_is_dead(const char *identity)
{
	const char *tail = strrchr(identity, '_');
	char boot[BOOT_DIGITS + 1], its_boot[BOOT_DIGITS + 1];
	unsigned long its_namespace;
	unsigned random;
	int its_pid, end = 0;

	if (tail == NULL ||
	    sscanf(tail, "_%16[0-9a-f]-%lu-%d-%8x%n", its_boot, &its_namespace, &its_pid, &random,
		   &end) != 4 ||
	    tail[end] != '\0' || its_pid <= 0 || its_namespace == 0)
		return false;
	if (strcmp(its_boot, boot_id(boot)) != 0 || its_namespace != pid_namespace())
		return false;
	/* One that has our number is not us, or we would not ask. */
	return its_pid == getpid() || (kill(its_pid, 0) < 0 && errno == ESRCH) ||
	       is_zombie(its_pid);
}
