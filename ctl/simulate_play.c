// SPDX-License-Identifier: Apache-2.0
/* `bellman simulate SCENARIO`: play it, once or with many seeds, and tell what came of it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/report.h"
#include "ctl/scenario.h"
#include "ctl/simulate.h"
#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/model/json_write.h"
#include "sim/capture.h"
#include "sim/report.h"
#include "sim/report_words.h"
#include "sim/svg.h"

/* --- files that are written ------------------------------------------------------------------- */

struct output {
	const char *path; /* NULL: it is not asked for */
	FILE *file;
	bool made;  /* was not there before */
	bool begun; /* what it held is gone */
	int error;  /* the first one */
};

/* False: it cannot be written. What is in it stays until output_begin(). */
static bool output_open(struct output *o)
{
	if (o->path == NULL)
		return true;
	o->made = access(o->path, F_OK) != 0;
	int fd = open(o->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd == -1)
		o->error = errno;
	else
		o->file = must(fdopen(fd, "w"));
	return o->error == 0;
}

static void output_begin(struct output *o)
{
	o->begun = true;
	/* A device and a pipe have no end to cut, and say so. */
	if (o->file != NULL && ftruncate(fileno(o->file), 0) != 0 && errno != EINVAL)
		o->error = errno;
}

/* Half of a capture looks like a whole one. */
static void output_remove(const struct output *o)
{
	struct stat st;

	if (lstat(o->path, &st) == 0 && S_ISREG(st.st_mode))
		unlink(o->path);
}

/* What went wrong with it at any time is said now. */
static enum ctl_exit output_close(struct output *o)
{
	bool opened = o->file != NULL;

	if (opened && fclose(o->file) != 0 && o->error == 0)
		o->error = errno;
	if (opened && (o->begun ? o->error != 0 : o->made))
		output_remove(o);
	if (o->error == 0)
		return CTL_DONE;
	fprintf(stderr, SIMULATE ": %s: %s\n", o->path, strerror(o->error));
	return CTL_FAULT;
}

/* --- telling ---------------------------------------------------------------------------------- */

/* What did not hold, a line each. */
static void say_failures(const struct sim_world *w)
{
	const struct sim_journal *j = sim_world_journal(w);
	char moment[SIM_MOMENT_MAX];

	fflush(stdout);
	for (size_t i = 0; i < j->count; i++) {
		const struct sim_entry *e = &j->items[i];
		if (e->type == SIM_DISAPPOINTED || e->type == SIM_BROKEN)
			fprintf(stderr, "seed %" PRIu64 ": at %s: %s\n", sim_world_seed(w),
				sim_moment_format(e->at_ns, moment), e->text);
	}
}

static void print_table(const struct sim_world *w)
{
	struct sim_result result;

	sim_result_of(w, &result);
	sim_report_table(&result, stdout);
	sim_result_done(&result);
}

static cJSON *json_of(const struct sim_world *w)
{
	struct sim_result result;

	sim_result_of(w, &result);
	cJSON *report = sim_report_json(&result);
	sim_result_done(&result);
	return report;
}

static struct sim_world *build(const struct sim_scenario *s, const struct sim_world_cfg *cfg)
{
	char why[512] = "";
	struct sim_world *w = sim_world_new(cfg, why, sizeof(why));

	if (w == NULL)
		fprintf(stderr, SIMULATE ": %s: %s\n", s->file, why);
	return w;
}

/* --- one run ---------------------------------------------------------------------------------- */

/* Play @w to its end, and have every frame in @pcap if that is open. */
static enum ctl_exit play_into(struct sim_world *w, struct output *pcap)
{
	struct sim_capture *capture = NULL;

	if (pcap->file != NULL)
		capture = sim_capture_new(sim_world_net(w), sim_world_clock(w),
					  SIM_EPOCH_S * NS_PER_S, pcap->file);
	unsigned failures = sim_world_run(w);
	if (capture != NULL)
		pcap->error = -sim_capture_end(capture);
	return failures == 0 ? CTL_DONE : CTL_FAULT;
}

static void draw(const struct sim_world *w, struct output *svg)
{
	struct sim_result result;

	if (svg->file == NULL)
		return;
	sim_result_of(w, &result);
	errno = 0;
	sim_svg(&result, svg->file);
	if (ferror(svg->file))
		svg->error = errno != 0 ? errno : EIO;
	sim_result_done(&result);
}

static void tell(const struct simulate *o, const struct sim_world *w)
{
	if (look_wants_json(&o->look)) {
		cJSON *report = json_of(w);
		report_json(report, stdout);
		cJSON_Delete(report);
	} else {
		print_table(w);
	}
	say_failures(w);
}

static enum ctl_exit play_once(const struct simulate *o, const struct sim_scenario *s)
{
	const struct sim_world_cfg cfg = {
		.scenario = s,
		.seed = o->seed,
		.seeded = o->seed_given,
		.until_ns = o->until_ns,
		.say_why = o->pcap != NULL,
		.check_all = true,
	};
	struct sim_world *w = build(s, &cfg);
	struct output pcap = { .path = o->pcap }, svg = { .path = o->svg };
	enum ctl_exit code = CTL_FAULT;

	/* Nothing is played for long only to find that it cannot be written. */
	if (w != NULL && output_open(&pcap) && output_open(&svg)) {
		output_begin(&pcap);
		output_begin(&svg);
		code = play_into(w, &pcap);
		draw(w, &svg);
		tell(o, w);
	}
	if (output_close(&pcap) != CTL_DONE)
		code = CTL_FAULT;
	if (output_close(&svg) != CTL_DONE)
		code = CTL_FAULT;
	sim_world_free(w);
	return code;
}

/* --- many runs -------------------------------------------------------------------------------- */

struct tally {
	uint64_t first, runs; /* seeds */
	uint64_t failed;
	cJSON *reports; /* of those that failed; NULL: they are printed at once */
};

/* Play @seed up to the first failure. False: it cannot be played. */
static bool try(const struct simulate *o, const struct sim_scenario *s, uint64_t seed,
		struct tally *t)
{
	const struct sim_world_cfg cfg = {
		.scenario = s,
		.seed = seed,
		.seeded = true,
		.until_ns = o->until_ns,
		.check_all = true,
		.stop_early = true,
	};
	struct sim_world *w = build(s, &cfg);

	if (w == NULL)
		return false;
	if (sim_world_run(w) > 0) {
		t->failed++;
		if (t->reports != NULL) {
			cJSON_AddItemToArray(t->reports, json_of(w));
		} else {
			print_table(w);
			putchar('\n');
		}
		say_failures(w);
	}
	sim_world_free(w);
	return true;
}

static void tell_tally(const struct sim_scenario *s, struct tally *t)
{
	uint64_t last = t->first + t->runs - 1;

	if (t->reports == NULL) {
		printf("%s, seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " of %" PRIu64 " failed.\n",
		       s->name, t->first, last, t->failed, t->runs);
		return;
	}
	cJSON *report = must(cJSON_CreateObject());
	must(cJSON_AddStringToObject(report, "scenario", s->name));
	json_add_number(report, "seed", t->first);
	json_add_number(report, "runs", t->runs);
	cJSON_AddItemToObject(report, "failed", t->reports);
	report_json(report, stdout);
	cJSON_Delete(report);
}

static enum ctl_exit play_many(const struct simulate *o, const struct sim_scenario *s)
{
	struct tally t = { .first = o->seed_given ? o->seed : s->seed, .runs = o->runs };

	if (look_wants_json(&o->look))
		t.reports = must(cJSON_CreateArray());
	for (uint64_t i = 0; i < t.runs; i++) {
		if (try(o, s, t.first + i, &t))
			continue;
		cJSON_Delete(t.reports);
		return CTL_FAULT;
	}
	tell_tally(s, &t);
	return t.failed == 0 ? CTL_DONE : CTL_FAULT;
}

static void print_faults(const struct faults *faults)
{
	cJSON *report = must(cJSON_CreateObject());

	must(cJSON_AddArrayToObject(report, "errors"));
	report_add_errors(report, faults);
	report_json(report, stdout);
	cJSON_Delete(report);
}

enum ctl_exit simulate_play(const struct simulate *o)
{
	struct faults faults = { 0 };
	struct sim_scenario *s = scenario_read(o->scenario, o->service_cidrs, &faults);
	enum ctl_exit code = CTL_FAULT;

	faults_print(&faults, stderr);
	if (s != NULL)
		code = o->runs > 1 ? play_many(o, s) : play_once(o, s);
	else if (look_wants_json(&o->look))
		print_faults(&faults);
	faults_free(&faults);
	sim_scenario_free(s);
	return code;
}
