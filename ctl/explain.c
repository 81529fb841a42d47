// SPDX-License-Identifier: Apache-2.0
/* `bellman explain`: why one Service has its address, or waits for one. */
#include <stdio.h>
#include <string.h>

#include "ctl/doubts.h"
#include "ctl/explanation.h"
#include "ctl/report.h"
#include "lib/base/must.h"
#include "lib/model/json.h"

static const char summary[] =
	"Tell why a Service has its address or waits for one, and who announces it.\n"
	"\n"
	"Without a FILE it is the Service in the cluster, as it is.";

/* Say that it is not there, and which one may be meant. */
static void say_unknown(const struct cluster *c, const char *ns, const char *name)
{
	const char **names = must(calloc(c->services.count + 1, sizeof(*names)));
	size_t count = 0;

	for (size_t i = 0; i < c->services.count; i++)
		if (strcmp(c->services.items[i].ns, ns) == 0)
			names[count++] = c->services.items[i].name;
	const char *nearest = json_nearest(name, names);
	fprintf(stderr, "bellman: there is no Service %s/%s", ns, name);
	if (nearest != NULL)
		fprintf(stderr, ", did you mean %s/%s?", ns, nearest);
	fputc('\n', stderr);
	free(names);
}

static enum ctl_exit tell(const struct look *look, struct sight *sight)
{
	struct cluster_service *s =
		cluster_service(&sight->cluster, look->about_ns, look->about_name);

	if (s == NULL) {
		say_unknown(&sight->cluster, look->about_ns, look->about_name);
		return CTL_FAULT;
	}
	cJSON *doubts = doubts_find(look, sight);
	struct engines engines = engines_run(&sight->cluster, look->lb_class, !look->status);
	cJSON *explained = explanation_find(sight, &engines, s, look->status);
	cJSON_AddItemToObject(explained, "doubts", doubts);
	if (look_wants_json(look))
		report_json(explained, stdout);
	else
		explanation_print(explained, stdout);
	cJSON_Delete(explained);
	engines_done(&engines);
	return sight_code(sight);
}

int ctl_explain(int argc, char **argv)
{
	struct look look = look_new("bellman explain", summary, "NAMESPACE/NAME [FILE...]");
	struct sight sight = { 0 };

	int first = look_options(&look, argc, argv);
	if (first == argc)
		options_usage(look.program, "a Service is needed, as NAMESPACE/NAME");
	char *slash = strchr(argv[first], '/');
	if (slash == NULL || slash == argv[first] || slash[1] == '\0' ||
	    strchr(slash + 1, '/') != NULL)
		options_usage(look.program, "'%s' is not NAMESPACE/NAME", argv[first]);
	*slash = '\0';
	look.about_ns = argv[first++];
	look.about_name = slash + 1;
	look.status = first == argc; /* without files there is nothing that would be */
	look.live = look.live || look.status;
	enum ctl_exit code = look_read(&look, argv + first, argc - first, &sight);
	if (code == CTL_DONE)
		code = look_decode(&look, &sight);
	if (code == CTL_DONE)
		code = tell(&look, &sight);
	sight_done(&sight);
	return code;
}
