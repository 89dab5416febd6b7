// RouteTree: which receivers an alert goes to, and under which key its notifications are grouped.
//
//   RouteTree tree(config->route);
//   for (const Route* route : tree.Match(labels)) … route->options().receiver …
//
// A depth-first walk from left to right: a node whose matchers fail is skipped; the first matching
// child ends the search among its siblings unless it says `continue`; a node without a matching
// child is itself the answer. Threads: immutable. Lifetimes: routes live as long as the tree.
#ifndef SLOWBURN_NOTIFY_ROUTE_TREE_H_
#define SLOWBURN_NOTIFY_ROUTE_TREE_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "notify/config.h"

namespace slowburn::notify {

struct RouteOptions {
  std::string receiver;
  std::set<std::string> group_by;
  bool group_by_all = false;
  base::DurationMs group_wait = 30 * base::kSecond;
  base::DurationMs group_interval = 5 * base::kMinute;
  base::DurationMs repeat_interval = 4 * base::kHour;
  std::vector<std::string> mute_time_intervals, active_time_intervals;  // not inherited
  LabelSet labels;                                                      // merged, the child's win
};

class Route {
 public:
  Route(const RouteConfig& config, const Route* parent);

  const RouteOptions& options() const { return options_; }
  // "{}/{team=\"db\"}": the matchers from the root down. Not unique.
  const std::string& key() const { return key_; }
  bool Matches(const LabelSet& labels) const { return MatchesAll(matchers_, labels); }
  // Appends the routes that take `labels`; false when this one's matchers fail.
  bool Collect(const LabelSet& labels, std::vector<const Route*>& out) const;
  // The labels that tell the groups of this route apart: those of group_by that the alert has.
  LabelSet GroupLabels(const LabelSet& labels) const;

 private:
  RouteOptions options_;
  Matchers matchers_;
  bool continue_;
  std::string key_;
  std::vector<std::unique_ptr<Route>> children_;
};

class RouteTree {
 public:
  explicit RouteTree(const RouteConfig& root) : root_(root, nullptr) {}
  // In the order of the file; never empty.
  std::vector<const Route*> Match(const LabelSet& labels) const;
  // The receivers' names in that order, comma-separated: what `amtool config routes test` prints.
  std::string Receivers(const LabelSet& labels) const;

 private:
  Route root_;
};

// {}/{team="db"}:{alertname="DiskFull", cluster="c1"}
std::string GroupKey(const std::string& route_key, const LabelSet& group_labels);

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_ROUTE_TREE_H_
