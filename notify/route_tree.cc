#include "notify/route_tree.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace slowburn::notify {
namespace {

LabelSet Merged(const LabelSet& parent, const LabelSet& child) {
  LabelSet all = parent;
  all.insert(all.end(), child.begin(), child.end());
  return MakeLabelSet(std::move(all));
}

RouteOptions Inherit(const RouteConfig& config, const Route* parent) {
  RouteOptions options = parent == nullptr ? RouteOptions{} : parent->options();
  if (!config.receiver.empty()) options.receiver = config.receiver;
  if (config.group_by) {
    options.group_by = {config.group_by->begin(), config.group_by->end()};
    options.group_by_all = false;
  } else if (config.group_by_all) {
    options.group_by_all = true;
  }
  options.group_wait = config.group_wait.value_or(options.group_wait);
  options.group_interval = config.group_interval.value_or(options.group_interval);
  options.repeat_interval = config.repeat_interval.value_or(options.repeat_interval);
  options.mute_time_intervals = config.mute_time_intervals;
  options.active_time_intervals = config.active_time_intervals;
  options.labels = Merged(options.labels, config.labels);
  return options;
}

}  // namespace

Route::Route(const RouteConfig& config, const Route* parent)
    : options_(Inherit(config, parent)),
      matchers_(config.matchers),
      continue_(config.continue_matching) {
  if (parent != nullptr) key_ = parent->key() + "/";
  key_ += MatchersString(matchers_);
  for (const RouteConfig& child : config.routes)
    children_.push_back(std::make_unique<Route>(child, this));
}

bool Route::Collect(const LabelSet& labels, std::vector<const Route*>& out) const {
  if (!Matches(labels)) return false;
  bool found = false;
  for (const std::unique_ptr<Route>& child : children_) {
    if (!child->Collect(labels, out)) continue;
    found = true;
    if (!child->continue_) break;
  }
  if (!found) out.push_back(this);
  return true;
}

LabelSet Route::GroupLabels(const LabelSet& labels) const {
  if (options_.group_by_all) return labels;
  LabelSet group;
  std::copy_if(labels.begin(), labels.end(), std::back_inserter(group),
               [&](const auto& pair) { return options_.group_by.contains(pair.first); });
  return group;
}

std::vector<const Route*> RouteTree::Match(const LabelSet& labels) const {
  std::vector<const Route*> routes;
  root_.Collect(labels, routes);
  return routes;
}

std::string RouteTree::Receivers(const LabelSet& labels) const {
  std::string out;
  for (const Route* route : Match(labels)) {
    if (!out.empty()) out += ',';
    out += route->options().receiver;
  }
  return out;
}

std::string GroupKey(const std::string& route_key, const LabelSet& group_labels) {
  return absl::StrCat(route_key, ":", LabelSetString(group_labels));
}

}  // namespace slowburn::notify
