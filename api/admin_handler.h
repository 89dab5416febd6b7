// /api/v1/admin/tsdb: deleting series and taking snapshots, as Prometheus does it behind
// --web.enable-admin-api; and `seal`, which is ours: it moves the head into blocks now.
//
// Samples that are deleted stay in the ledgers of SLOs: budgets keep what they counted. The answer
// says so in a header, as it has no body.
//
// Threads: the functions are called from server threads. Lifetimes: what they capture outlives the
// router.
#ifndef SLOWBURN_API_ADMIN_HANDLER_H_
#define SLOWBURN_API_ADMIN_HANDLER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/http.h"
#include "tsdb/db.h"
#include "tsdb/matcher.h"
#include "tsdb/sample.h"

namespace slowburn::api {

struct AdminDeps {
  bool enabled = false;
  std::function<absl::Status(const std::vector<tsdb::Matchers>& any_of, tsdb::TimeRange range)>
      delete_series;
  std::function<absl::Status()> clean_tombstones;
  std::function<absl::Status()> seal;  // of everything that was acknowledged before the call
  // Returns the name of its directory.
  std::function<absl::StatusOr<std::string>(tsdb::SnapshotHead head)> snapshot;
};

void RegisterAdminApi(Router& router, AdminDeps deps);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_ADMIN_HANDLER_H_
