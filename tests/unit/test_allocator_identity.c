// SPDX-License-Identifier: Apache-2.0
/* Names of candidates: no two alike, and what they say about a process that has ended. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "allocator/identity_io.h"

/* The name of another process, which waits to be killed. */
static pid_t start(char identity[static IDENTITY_MAX])
{
	int out[2];

	assert_int_equal(pipe(out), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		identity_make("pod-1", identity);
		if (write(out[1], identity, IDENTITY_MAX) == IDENTITY_MAX)
			pause();
		_exit(1);
	}
	assert_int_equal(read(out[0], identity, IDENTITY_MAX), IDENTITY_MAX);
	close(out[0]);
	close(out[1]);
	return pid;
}

static void test_no_two_are_alike(void **state)
{
	char a[IDENTITY_MAX], b[IDENTITY_MAX];

	(void)state;
	identity_make("pod-1", a);
	identity_make("pod-1", b);
	assert_string_not_equal(a, b);
	assert_int_equal(strncmp(a, "pod-1_", 6), 0);
	identity_make(NULL, a); /* the host's name, whatever it is */
	assert_true(strchr(a, '_') != NULL && a[0] != '_');
}

static void test_a_process_is_dead_when_it_can_be_seen_to_be(void **state)
{
	char identity[IDENTITY_MAX];

	(void)state;
	pid_t pid = start(identity);
	assert_false(identity_is_dead(identity));
	kill(pid, SIGKILL);
	/* Also before its parent has waited for it: it has its number, and runs no more. */
	siginfo_t ended;
	assert_int_equal(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT), 0);
	assert_true(identity_is_dead(identity));
	waitpid(pid, NULL, 0);
	assert_true(identity_is_dead(identity));

	/* On another machine, or before this one was started, its number says nothing. */
	char *boot = strrchr(identity, '_') + 1;
	boot[0] = boot[0] == '0' ? '1' : '0';
	assert_false(identity_is_dead(identity));
}

static void test_what_others_call_themselves_says_nothing(void **state)
{
	static const char *const names[] = {
		"",
		"_",
		"controller-6dd967fdc7-8hqxv_3f1b5a44-9a5c-4f7e-8a0e-0c5c7be4b4a5", /* client-go's
										     */
		"x_0123456789abcdef-4026531836-",
		"x_0123456789abcdef-4026531836-99999999-",
		"x_0123456789abcdef-4026531836-99999999-0123abcd0",
		"x_0123456789abcdef-0-99999999-0123abcd",
		"x_0123456789abcdef-4026531836--1-0123abcd",
		"x_-4026531836-99999999-0123abcd",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(identity_is_dead(names[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_two_are_alike),
		cmocka_unit_test(test_a_process_is_dead_when_it_can_be_seen_to_be),
		cmocka_unit_test(test_what_others_call_themselves_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
