// Target: one address to scrape, with the labels that relabelling left it.
//
// Threads: values, immutable. Errors: kInvalidArgument, in Prometheus' words.
#ifndef SLOWBURN_INGEST_TARGET_H_
#define SLOWBURN_INGEST_TARGET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "ingest/scrape_config.h"
#include "ingest/target_group.h"
#include "tsdb/labels.h"

namespace slowburn::ingest {

struct Target {
  tsdb::Labels labels;  // what every series of the target gets: no name begins with __
  tsdb::Labels hidden;  // __address__, __param_x, …
  std::string url;      // with the parameters
  DurationMs interval_ms = 0;
  DurationMs timeout_ms = 0;
  std::string interval_text, timeout_text;  // as the labels say it

  // Two targets of one pool with equal identities are one.
  std::string Identity() const;
  // Where in its interval the target is scraped: spreads the targets, stable over restarts.
  uint64_t Hash() const;
};

// The labels of an address before relabelling: its group's, and those that the configuration gives.
tsdb::Labels DiscoveredLabels(const ScrapeConfig& config, const TargetGroup& group,
                              const std::string& address);

// Relabels. nullopt: dropped by relabelling.
absl::StatusOr<std::optional<Target>> MakeTarget(const ScrapeConfig& config,
                                                 const tsdb::Labels& discovered);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_TARGET_H_
