// StateStore in a map, with a disk that can be told to fail.
#ifndef SLOWBURN_TESTS_TESTING_MEMORY_STATE_STORE_H_
#define SLOWBURN_TESTS_TESTING_MEMORY_STATE_STORE_H_

#include <map>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/state_store.h"

namespace slowburn::testing {

class MemoryStateStore final : public base::StateStore {
 public:
  absl::Status Apply(base::Space space, const std::vector<base::StateChange>& changes,
                     base::Durability durability) override;
  absl::StatusOr<std::string> Get(base::Space space, std::string_view key) const override;
  absl::Status Scan(base::Space space, std::string_view begin, std::string_view end,
                    const std::function<bool(std::string_view, std::string_view)>& visit) const override;

  // The next `n` Apply calls succeed, all later ones fail, until called again. Negative: never
  // fail.
  void FailAfter(int n);
  int applied() const;

 private:
  mutable base::Mutex mu_;
  std::map<std::pair<base::Space, std::string>, std::string> map_ ABSL_GUARDED_BY(mu_);
  int fail_after_ ABSL_GUARDED_BY(mu_) = -1;
  int applied_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace slowburn::testing

#endif  // SLOWBURN_TESTS_TESTING_MEMORY_STATE_STORE_H_
