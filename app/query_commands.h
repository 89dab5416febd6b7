// `slowburn query instant|range|labels|series --url URL …`: asks any Prometheus-compatible server
// and prints its answer in promtool's form. Threads: blocks. Errors go to `err`; the exit code is
// 0, or 1 when the server refused or was away.
#ifndef SLOWBURN_APP_QUERY_COMMANDS_H_
#define SLOWBURN_APP_QUERY_COMMANDS_H_

#include <cstdio>
#include <string>
#include <vector>

#include "base/http_client.h"

namespace slowburn::app {

struct QueryCommand {
  enum class Kind { kInstant, kRange, kLabels, kSeries } kind = Kind::kInstant;
  std::string url = "http://127.0.0.1:9090";
  std::string expr;                    // kInstant, kRange; kLabels: the label's name
  std::vector<std::string> matchers;   // kLabels, kSeries: match[]
  std::string time, start, end, step;  // as the API takes them; empty: the server's default
  bool json = false;                   // print the API's data instead
};

int RunQueryCommand(const QueryCommand& command, base::HttpClient& client, std::FILE* out,
                    std::FILE* err);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_QUERY_COMMANDS_H_
