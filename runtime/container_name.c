/* container_name.c - names for containers that were given none.  Runs in: host. */
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <fcntl.h>

#include "runtime/record.h"

/* clang-format off */
static const char *const adjectives[] = {
	"able", "airy", "amber", "ample", "azure", "bold", "brave", "brief", "bright", "brisk",
	"calm", "candid", "civil", "clear", "clever", "cool", "coral", "cosy", "crisp", "deft",
	"eager", "early", "easy", "even", "fair", "fine", "firm", "fleet", "fond", "frank",
	"fresh", "gentle", "glad", "golden", "good", "grand", "green", "happy", "hardy", "honest",
	"humble", "keen", "kind", "lean", "light", "lively", "loyal", "lucid", "lucky", "mellow",
	"merry", "mild", "modest", "neat", "nimble", "noble", "open", "patient", "plain", "polite",
	"proud", "pure", "quick", "quiet", "rapid", "ready", "robust", "round", "sage", "sharp",
	"silent", "silver", "simple", "smooth", "snug", "sober", "solid", "sound", "spry", "steady",
	"stern", "still", "stout", "strong", "sunny", "sure", "swift", "tidy", "trim", "true",
	"vivid", "warm", "wise", "witty", "young", "zesty",
};
static const char *const nouns[] = {
	"anchor", "barge", "beacon", "boat", "boom", "bow", "brig", "bridge", "buoy", "cabin",
	"canal", "canoe", "capstan", "cargo", "channel", "clipper", "coast", "compass", "cove",
	"crane", "crew", "current", "cutter", "davit", "deck", "delta", "dinghy", "dock", "dory",
	"ferry", "fjord", "fleet", "frigate", "galley", "gale", "gannet", "gull", "gunwale",
	"halyard", "harbour", "hatch", "haven", "helm", "hold", "hull", "island", "jetty", "jib",
	"keel", "ketch", "kite", "knot", "lagoon", "lantern", "lighter", "lock", "lugger", "marina",
	"mast", "mooring", "oar", "ocean", "otter", "pearl", "pelican", "pier", "pilot", "port",
	"prow", "puffin", "punt", "quay", "raft", "reef", "rigging", "river", "rudder", "sail",
	"schooner", "seal", "shore", "skiff", "sloop", "sound", "spar", "stern", "strait", "tender",
	"tern", "tide", "tiller", "trawler", "tug", "wake", "wave", "wharf", "winch", "yawl",
};
/* clang-format on */

char *record_new_name(const struct engine *en)
{
	for (unsigned try = 0;; try++) {
		uint32_t r[3] = { 0, 0, 0 };
		struct stat st;
		char *name;

		while (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
			;
		name = mem_printf("%s_%s", adjectives[r[0] % ARRAY_SIZE(adjectives)],
				  nouns[r[1] % ARRAY_SIZE(nouns)]);
		if (try > 4) {	/* thousands of containers: a number behind it */
			char *longer = mem_printf("%s%u", name, r[2] % 10000);

			free(name);
			name = longer;
		}
		if (fstatat(en->names_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return name;
		free(name);
	}
}
