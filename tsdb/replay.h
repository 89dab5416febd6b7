// Replay: builds the head from the log, at start.
//
// What the log says is sealed is passed over (see SealMark); what came after that seal is judged as
// it was then, with the help of the blocks.
//
// Threads: one calls, others help, before anybody else uses the head. Records that make no sense
// are left out, counted and reported.
#ifndef SLOWBURN_TSDB_REPLAY_H_
#define SLOWBURN_TSDB_REPLAY_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "tsdb/block_store.h"
#include "tsdb/commit_log.h"
#include "tsdb/committer.h"
#include "tsdb/head.h"

namespace slowburn::tsdb {

struct ReplayResult {
  Committer::LogState log;  // where this process goes on
  uint64_t records = 0, samples = 0, unreadable = 0;
};

// Samples from before `retain_from`, and those that are in the blocks of `view`, are left out.
// `view` and `progress` may be empty.
ReplayResult Replay(const CommitLog& log, Head& head, TimestampMs retain_from,
                    std::shared_ptr<const BlockView> view,
                    const std::function<void(uint64_t done, uint64_t total)>& progress);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_REPLAY_H_
