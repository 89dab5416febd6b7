// QueryProfile: what each node of a plan did, for explain=1. Operators write it while they work.
//
// Not thread-safe; belongs to one query.
#ifndef SLOWBURN_QUERY_EXEC_QUERY_PROFILE_H_
#define SLOWBURN_QUERY_EXEC_QUERY_PROFILE_H_

#include <cstdint>
#include <unordered_map>

#include "query/exec/query_context.h"
#include "query/plan/node.h"

namespace slowburn::query {

// Samples and time include those of the nodes below.
struct NodeProfile {
  int64_t series = 0, points = 0, samples = 0, nanoseconds = 0;
};

class QueryProfile {
 public:
  // Stays where it is.
  NodeProfile& Of(const PlanNode& node) { return nodes_[&node]; }
  // Null: the node did nothing.
  const NodeProfile* Find(const PlanNode& node) const {
    const auto it = nodes_.find(&node);
    return it == nodes_.end() ? nullptr : &it->second;
  }

 private:
  std::unordered_map<const PlanNode*, NodeProfile> nodes_;
};

// Counts time and samples into a profile, if there is one, for as long as it lives.
class ProfileScope {
 public:
  ProfileScope(QueryContext& ctx, NodeProfile* profile) : ctx_(ctx), profile_(profile) {
    if (profile_ == nullptr) return;
    samples_ = ctx.samples_touched();
    begin_ = ctx.clock.MonotonicNs();
  }
  ~ProfileScope() {
    if (profile_ == nullptr) return;
    profile_->samples += ctx_.samples_touched() - samples_;
    profile_->nanoseconds += ctx_.clock.MonotonicNs() - begin_;
  }
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;

 private:
  QueryContext& ctx_;
  NodeProfile* const profile_;
  int64_t samples_ = 0, begin_ = 0;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_QUERY_PROFILE_H_
