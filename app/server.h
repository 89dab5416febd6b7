// Server: the whole of `slowburn serve`, wired together. The object graph is built here and nowhere
// else.
//
//   ASSIGN_OR_RETURN(auto server, Server::Start(flags, {}));
//   … server->Reload() on SIGHUP …
//   server->Stop();
//
// Threads: Start, Reload, Stop from any one thread at a time. Errors of Start: what is wrong with a
// file, with its place; a data directory that is locked or not ours; an address that is taken. A
// failed Reload changes nothing.
#ifndef SLOWBURN_APP_SERVER_H_
#define SLOWBURN_APP_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "api/http.h"
#include "app/flags.h"

namespace slowburn::app {

struct ServerHooks {
  std::function<void(api::Router&)> add_routes;  // the demo's shop and pager; may be empty
  std::function<void()> quit;                    // POST /-/quit
};

class Server {
 public:
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServeFlags flags, ServerHooks hooks);
  ~Server();  // Stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Reads every file again and applies all of them, or none.
  absl::Status Reload();
  // Answers what is under way, hands over what is due, writes what must stay. Idempotent.
  void Stop();

  // "http://127.0.0.1:9090", with the port that was really taken.
  std::string url() const;
  std::string grpc_address() const;  // "" when off

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_SERVER_H_
