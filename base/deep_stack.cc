#include "base/deep_stack.h"

#include <pthread.h>

#include <exception>

#include "absl/strings/str_cat.h"

namespace slowburn::base {
namespace {

struct Job {
  absl::FunctionRef<void()> run;
  std::exception_ptr thrown;
};

// What is thrown (memory is short) is the caller's, whose thread knows what to do about it.
void* RunJob(void* opaque) {
  Job& job = *static_cast<Job*>(opaque);
  try {
    job.run();
  } catch (...) {
    job.thrown = std::current_exception();
  }
  return nullptr;
}

}  // namespace

absl::Status RunWithStack(size_t bytes, absl::FunctionRef<void()> run) {
  if (bytes <= kOwnStackBytes) {
    run();
    return absl::OkStatus();
  }
  Job job{run, nullptr};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread{};
  int error = pthread_attr_setstacksize(&attributes, bytes);
  if (error == 0) error = pthread_create(&thread, &attributes, RunJob, &job);
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no stack of ", bytes, " bytes is to be had (error ", error, ")"));
  }
  pthread_join(thread, nullptr);
  if (job.thrown) std::rethrow_exception(job.thrown);
  return absl::OkStatus();
}

}  // namespace slowburn::base
