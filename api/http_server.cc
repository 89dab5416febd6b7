// The only file that includes Boost.Asio and Beast. Callbacks, not coroutines. Everything of a
// connection happens on the one I/O thread, except Work, which runs on a worker and has the request
// and the descriptor to itself: the I/O thread does not close it before the worker is done. The two
// share client_gone_ alone.
#include "api/http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "api/worker_pool.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status_macros.h"

namespace slowburn::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Error = boost::system::error_code;
using std::chrono::milliseconds;

constexpr size_t kMinBodyStep = size_t{64} << 10;
// Beast reads as much as the buffer's capacity.
constexpr size_t kHeaderReadBytes = size_t{8} << 10;
constexpr size_t kChunkedReadBytes = size_t{64} << 10;
// Each has read_timeout to be taken by the client, give or take what waits in the kernel, which is
// as much again at most.
constexpr size_t kWriteSliceBytes = size_t{256} << 10;
// After the last answer, for the rest of what the client sends.
constexpr milliseconds kLinger{2000};
constexpr size_t kMaxLingerBytes = size_t{64} << 20;
constexpr milliseconds kAcceptRetry{100};  // when the process is out of descriptors
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view Reason(int status) {
  if (status == 499) return "Client Closed Request";
  const beast::string_view reason =
      http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
  return {reason.data(), reason.size()};
}

// Nobody may smuggle a header line in through a value.
void AppendHeader(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) out += c == '\r' || c == '\n' ? ' ' : c;
  out += "\r\n";
}

struct Encoded {
  std::string head;
  std::string body;
};

Encoded Encode(Response response, bool head_only, bool keep_alive, unsigned version) {
  Encoded out;
  std::string& head = out.head;
  head.reserve(256);
  absl::StrAppend(&head, version < 11 ? "HTTP/1.0 " : "HTTP/1.1 ", response.status, " ");
  head.append(Reason(response.status)).append("\r\n");
  AppendHeader(
      head, "Date",
      absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::FromUnixMillis(base::RealClock().Now()),
                       absl::UTCTimeZone()));
  const bool no_body = response.status == 204 || response.status == 304;
  if (!no_body) {
    if (!response.content_type.empty()) AppendHeader(head, "Content-Type", response.content_type);
    AppendHeader(head, "Content-Length", absl::StrCat(response.body.size()));
  }
  for (const auto& [name, value] : response.headers) AppendHeader(head, name, value);
  if (!keep_alive) {
    AppendHeader(head, "Connection", "close");
  } else if (version < 11) {
    AppendHeader(head, "Connection", "keep-alive");
  }
  head += "\r\n";
  if (!no_body && !head_only) out.body = std::move(response.body);
  return out;
}

std::string AddressText(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return absl::StrCat(endpoint.address().is_v6() ? absl::StrCat("[", host, "]") : host, ":",
                      endpoint.port());
}

}  // namespace

struct HttpServer::Impl {
  class Connection;

  explicit Impl(HttpServerOptions o)
      : options(std::move(o)), workers(options.worker_threads), retry(io) {}

  absl::Status Listen(const std::string& address);
  void AcceptNext(size_t listener);
  void Add(tcp::socket socket);
  void Remove(Connection* connection);
  void CloseIdle();
  void Abort();

  const HttpServerOptions options;
  std::unique_ptr<HttpAnswer> answer;
  asio::io_context io{1};
  WorkerPool workers;
  std::vector<tcp::acceptor> acceptors;
  std::vector<uint16_t> ports;
  std::vector<bool> paused;  // acceptors that wait for a connection to end
  asio::steady_timer retry;
  std::thread io_thread;
  std::atomic<bool> draining{false};
  bool stopped = false;

  // Only the I/O thread changes these; the count is read by others.
  std::unordered_set<Connection*> connections;
  base::Mutex mu;
  base::CondVar changed;
  size_t connection_count ABSL_GUARDED_BY(mu) = 0;
};

// One connection: read a request, let a worker answer it, write, again.
class HttpServer::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Impl& server)
      : server_(server), stream_(std::move(socket)), descriptor_(stream_.socket().native_handle()) {
    Error ignored;
    remote_ = AddressText(stream_.socket().remote_endpoint(ignored));
    stream_.socket().set_option(tcp::no_delay(true), ignored);
    const int unsent = static_cast<int>(kWriteSliceBytes);
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    buffer_.reserve(kHeaderReadBytes);
  }
  ~Connection() { server_.Remove(this); }

  void ReadRequest();
  bool idle() const { return idle_; }
  void Abort();

 private:
  using Parser = http::request_parser<http::string_body>;

  void OnHeader(Error error);
  void ReadBody();
  void ReadSizedBody();
  void OnBody(Error error);
  void OnReadError(Error error);
  void Handle();
  void Work(std::shared_ptr<Connection> self);
  void WatchClient();
  void Refuse(int status, const std::string& text);
  size_t WriteNow(const Encoded& encoded);
  void Send(Encoded encoded, size_t sent);
  void WriteSome();
  void OnWritten();
  void Finish();
  void Linger();
  void Close();

  Impl& server_;
  beast::tcp_stream stream_;
  const int descriptor_;  // of stream_, for workers
  beast::flat_buffer buffer_{kMaxHeaderBytes + (size_t{64} << 10)};
  std::optional<Parser> parser_;
  std::string remote_;
  Request request_;
  std::string target_;
  unsigned version_ = 11;
  bool keep_alive_ = false;
  bool idle_ = false;  // waits for a request
  bool handling_ = false;
  Encoded out_;
  size_t written_ = 0;  // of out_.body
  size_t lingered_ = 0;
  std::array<char, 4096> scrap_;
  std::atomic<bool> client_gone_{false};
};

void HttpServer::Impl::Connection::ReadRequest() {
  if (server_.draining) return Finish();
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(kMaxHeaderBytes));
  parser_->body_limit(server_.options.max_body_bytes);
  stream_.expires_after(milliseconds(server_.options.read_timeout_ms));
  idle_ = true;
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](Error error, size_t) { self->OnHeader(error); });
}

void HttpServer::Impl::Connection::OnHeader(Error error) {
  idle_ = false;
  if (error) return OnReadError(error);
  const auto& header = parser_->get();
  version_ = header.version();
  keep_alive_ = parser_->keep_alive();
  const beast::string_view expect = header[http::field::expect];
  if (expect.empty() || parser_->is_done()) return ReadBody();
  if (!beast::iequals(expect, "100-continue")) return Refuse(417, "Expectation Failed\n");
  asio::async_write(stream_, asio::buffer(kContinue), [self = shared_from_this()](Error e, size_t) {
    if (e) return self->Close();
    self->ReadBody();
  });
}

void HttpServer::Impl::Connection::ReadBody() {
  if (parser_->is_done()) return Handle();
  if (!parser_->chunked() && parser_->content_length().has_value()) {
    std::string& body = parser_->get().body();
    // Within max_body_bytes; pages are touched as bytes arrive.
    body.reserve(*parser_->content_length());
    const size_t n = std::min<size_t>(buffer_.size(), *parser_->content_length());
    body.assign(static_cast<const char*>(buffer_.data().data()), n);
    buffer_.consume(n);
    return ReadSizedBody();
  }
  buffer_.reserve(kChunkedReadBytes);
  stream_.expires_after(milliseconds(server_.options.read_timeout_ms));
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](Error error, size_t) { self->OnBody(error); });
}

// Straight into the body, in steps that double, so that a large Content-Length alone costs no
// memory.
void HttpServer::Impl::Connection::ReadSizedBody() {
  std::string& body = parser_->get().body();
  const size_t have = body.size();
  const size_t step =
      std::min<size_t>(*parser_->content_length() - have, std::max(have, kMinBodyStep));
  if (step == 0) return Handle();
  body.resize(have + step);
  stream_.expires_after(milliseconds(server_.options.read_timeout_ms));
  asio::async_read(stream_, asio::buffer(body.data() + have, step),
                   [self = shared_from_this()](Error error, size_t) {
                     if (error) return self->OnReadError(error);
                     self->ReadSizedBody();
                   });
}

void HttpServer::Impl::Connection::OnBody(Error error) {
  if (error) return OnReadError(error);
  Handle();
}

void HttpServer::Impl::Connection::OnReadError(Error error) {
  if (error == http::error::body_limit) {
    return Refuse(413, absl::StrCat("request body is larger than ", server_.options.max_body_bytes,
                                    " bytes\n"));
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return Refuse(431, absl::StrCat("request header is larger than ", kMaxHeaderBytes, " bytes\n"));
  }
  const bool is_protocol_fault =
      error.category() == make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message;
  if (is_protocol_fault)
    return Refuse(400, absl::StrCat("400 Bad Request: ", error.message(), "\n"));
  Close();  // the client left, or was silent for too long
}

void HttpServer::Impl::Connection::Handle() {
  if (!stream_.socket().is_open()) return;  // aborted between the last byte and now
  auto& message = parser_->get();
  request_ = Request();
  request_.method.assign(message.method_string().data(), message.method_string().size());
  target_.assign(message.target().data(), message.target().size());
  for (const auto& field : message) {
    std::string name(field.name_string().data(), field.name_string().size());
    absl::AsciiStrToLower(&name);
    request_.headers.emplace_back(std::move(name),
                                  std::string(field.value().data(), field.value().size()));
  }
  request_.body = std::move(message.body());
  request_.remote_address = remote_;
  client_gone_ = false;
  request_.client_gone = &client_gone_;
  stream_.expires_never();
  handling_ = true;
  const auto task = [self = shared_from_this()]() mutable { self->Work(std::move(self)); };
  if (!server_.workers.Post(task)) return Close();
  WatchClient();  // behind the task, which need not wait for it
}

// On a worker. `self` travels back to the I/O thread, so that the last reference is never dropped
// here.
void HttpServer::Impl::Connection::Work(std::shared_ptr<Connection> self) {
  Response response = server_.answer->Answer(request_, target_);
  if (server_.draining) keep_alive_ = false;
  Encoded encoded = Encode(std::move(response), request_.method == "HEAD", keep_alive_, version_);
  const size_t sent = WriteNow(encoded);
  asio::post(server_.io, [self = std::move(self), encoded = std::move(encoded), sent]() mutable {
    self->handling_ = false;
    self->Send(std::move(encoded), sent);
  });
}

// As much of a first slice as the socket takes. On the worker, so that the client of a small answer
// does not wait until the I/O thread is awake. That one also finds out about errors.
size_t HttpServer::Impl::Connection::WriteNow(const Encoded& encoded) {
  std::array<iovec, 2> parts = {iovec{const_cast<char*>(encoded.head.data()), encoded.head.size()},
                                iovec{const_cast<char*>(encoded.body.data()),
                                      std::min(encoded.body.size(), kWriteSliceBytes)}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t n = ::sendmsg(descriptor_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return n < 0 ? 0 : static_cast<size_t>(n);
}

// Readable while a handler runs: the next request of a pipeline, which waits, or the end.
void HttpServer::Impl::Connection::WatchClient() {
  stream_.socket().async_wait(tcp::socket::wait_read, [self = shared_from_this()](Error error) {
    if (error == asio::error::operation_aborted || !self->handling_) return;
    char byte;
    const ssize_t n = ::recv(self->descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) self->client_gone_ = true;
  });
}

void HttpServer::Impl::Connection::Refuse(int status, const std::string& text) {
  keep_alive_ = false;
  Send(Encode(Response::Text(status, text), false, false, version_), 0);
}

// `sent`: bytes of the head, then of the body, that are on their way already.
void HttpServer::Impl::Connection::Send(Encoded encoded, size_t sent) {
  Error ignored;
  stream_.socket().cancel(ignored);  // WatchClient
  out_ = std::move(encoded);
  const size_t of_head = std::min(sent, out_.head.size());
  out_.head.erase(0, of_head);
  written_ = sent - of_head;
  if (out_.head.empty() && written_ == out_.body.size()) return OnWritten();
  WriteSome();
}

void HttpServer::Impl::Connection::WriteSome() {
  const size_t n = std::min(out_.body.size() - written_, kWriteSliceBytes);
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(out_.head),
                                                     asio::buffer(out_.body.data() + written_, n)};
  stream_.expires_after(milliseconds(server_.options.read_timeout_ms));
  asio::async_write(stream_, buffers, [self = shared_from_this(), n](Error error, size_t) {
    if (error) return self->Close();
    self->out_.head.clear();
    self->written_ += n;
    if (self->written_ < self->out_.body.size()) return self->WriteSome();
    self->OnWritten();
  });
}

void HttpServer::Impl::Connection::OnWritten() {
  out_ = Encoded();
  if (keep_alive_) return ReadRequest();  // which finds out if the client is gone
  Finish();
}

// Closing with unread bytes resets the connection, and the client would lose what it has not taken
// of the answer. So they are read, for a while.
void HttpServer::Impl::Connection::Finish() {
  Error ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream_.expires_after(kLinger);
  Linger();
}

void HttpServer::Impl::Connection::Linger() {
  stream_.async_read_some(asio::buffer(scrap_), [self = shared_from_this()](Error error, size_t n) {
    self->lingered_ += n;
    if (error || self->lingered_ > kMaxLingerBytes) return self->Close();
    self->Linger();
  });
}

void HttpServer::Impl::Connection::Close() {
  Error ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
  stream_.close();
}

void HttpServer::Impl::Connection::Abort() {
  client_gone_ = true;
  if (!handling_) return stream_.close();
  Error ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
}

absl::Status HttpServer::Impl::Listen(const std::string& address) {
  const size_t colon = address.rfind(':');
  uint32_t port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("listen address \"", address, "\": want host:port"));
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  Error error;
  // An empty host: all addresses, both families.
  tcp::endpoint endpoint(tcp::v6(), static_cast<uint16_t>(port));
  if (!host.empty()) {
    tcp::resolver resolver(io);
    const auto results = resolver.resolve(host, absl::StrCat(port), error);
    if (error || results.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("listen address \"", address, "\": ", error.message()));
    }
    endpoint = results.begin()->endpoint();
  }
  tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), error);
  if (error && host.empty()) {  // a machine without IPv6
    endpoint = tcp::endpoint(tcp::v4(), static_cast<uint16_t>(port));
    acceptor.open(endpoint.protocol(), error);
  }
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return absl::UnavailableError(absl::StrCat("listen on ", address, ": ", error.message()));
  ports.push_back(acceptor.local_endpoint(error).port());
  acceptors.push_back(std::move(acceptor));
  paused.push_back(false);
  return absl::OkStatus();
}

void HttpServer::Impl::AcceptNext(size_t listener) {
  if (connections.size() >= options.max_connections) {
    paused[listener] = true;  // Remove goes on
    return;
  }
  acceptors[listener].async_accept([this, listener](Error error, tcp::socket socket) {
    if (error == asio::error::operation_aborted || draining) return;
    if (error) {
      base::Warn("cannot accept a connection", {{"error", error.message()}});
      retry.expires_after(kAcceptRetry);
      retry.async_wait([this, listener](Error e) {
        if (!e) AcceptNext(listener);
      });
      return;
    }
    Add(std::move(socket));
    AcceptNext(listener);
  });
}

void HttpServer::Impl::Add(tcp::socket socket) {
  const auto connection = std::make_shared<Connection>(std::move(socket), *this);
  connections.insert(connection.get());
  {
    base::MutexLock lock(mu);
    ++connection_count;
  }
  connection->ReadRequest();
}

void HttpServer::Impl::Remove(Connection* connection) {
  connections.erase(connection);
  {
    base::MutexLock lock(mu);
    --connection_count;
    changed.NotifyAll();
  }
  for (size_t i = 0; i < paused.size(); ++i) {
    if (!paused[i] || draining) continue;
    paused[i] = false;
    AcceptNext(i);
  }
}

void HttpServer::Impl::CloseIdle() {
  Error ignored;
  for (tcp::acceptor& acceptor : acceptors) acceptor.close(ignored);
  retry.cancel();
  for (Connection* connection : connections) {
    if (connection->idle()) connection->Abort();
  }
}

void HttpServer::Impl::Abort() {
  for (Connection* connection : connections) connection->Abort();
}

HttpServer::HttpServer(HttpServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

HttpServer::~HttpServer() { Stop(0); }

absl::Status HttpServer::Start(const Router& router) {
  ASSIGN_OR_RETURN(impl_->answer, HttpAnswer::Create(router, impl_->options.answer));
  if (impl_->options.listen_addresses.empty())
    return absl::InvalidArgumentError("no address to listen on");
  for (const std::string& address : impl_->options.listen_addresses)
    RETURN_IF_ERROR(impl_->Listen(address));
  for (size_t i = 0; i < impl_->acceptors.size(); ++i) impl_->AcceptNext(i);
  impl_->io_thread = std::thread([impl = impl_.get()] {
    const auto work = asio::make_work_guard(impl->io);
    impl->io.run();
  });
  return absl::OkStatus();
}

std::vector<uint16_t> HttpServer::ports() const { return impl_->ports; }

size_t HttpServer::connections() const {
  base::MutexLock lock(impl_->mu);
  return impl_->connection_count;
}

void HttpServer::Stop(base::DurationMs drain_ms) {
  if (impl_->stopped) return;
  impl_->stopped = true;
  if (!impl_->io_thread.joinable()) return;
  impl_->draining = true;
  asio::post(impl_->io, [impl = impl_.get()] { impl->CloseIdle(); });
  {
    base::MutexLock lock(impl_->mu);
    const base::RealClock clock;
    const int64_t deadline_ns = clock.MonotonicNs() + drain_ms * 1'000'000;
    while (impl_->connection_count > 0) {
      const int64_t left = (deadline_ns - clock.MonotonicNs()) / 1'000'000;
      if (left <= 0) break;
      impl_->changed.WaitFor(impl_->mu, milliseconds(left));
    }
  }
  asio::post(impl_->io, [impl = impl_.get()] { impl->Abort(); });
  impl_->workers.Stop();  // handlers that look at client_gone end soon; the others are waited for
  {
    base::MutexLock lock(impl_->mu);
    while (impl_->connection_count > 0) impl_->changed.Wait(impl_->mu);
  }
  impl_->io.stop();
  impl_->io_thread.join();
}

}  // namespace slowburn::api
