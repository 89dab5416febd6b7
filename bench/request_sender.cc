#include "bench/request_sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace slowburn::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kMaxRepeats = 1000;
constexpr int kPauseMs = 50;

void Pause() { poll(nullptr, 0, kPauseMs); }

struct Answer {
  int status = 0;
  std::string body;
};

// One keep-alive connection to 127.0.0.1. Errors leave it closed.
class Connection {
 public:
  explicit Connection(int port) : port_(port) {}
  ~Connection() { Close(); }

  absl::StatusOr<Answer> Post(const std::string& head, std::string_view body) {
    RETURN_IF_ERROR(Open());
    absl::Status status = Write(head, body);
    absl::StatusOr<Answer> answer = status.ok() ? Read() : status;
    if (!answer.ok()) Close();
    return answer;
  }

 private:
  absl::Status Failed(const char* what) {
    return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
  }

  absl::Status Open() {
    if (fd_ >= 0) return absl::OkStatus();
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      const absl::Status failed = Failed("connect");
      Close();
      return failed;
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return absl::OkStatus();
  }

  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
    buffer_.clear();
  }

  absl::Status Write(std::string_view head, std::string_view body) {
    iovec pieces[2] = {{const_cast<char*>(head.data()), head.size()},
                       {const_cast<char*>(body.data()), body.size()}};
    iovec* piece = pieces;
    while (piece != pieces + 2) {
      msghdr message{};
      message.msg_iov = piece;
      message.msg_iovlen = pieces + 2 - piece;
      ssize_t sent = sendmsg(fd_, &message, MSG_NOSIGNAL);
      if (sent < 0) return Failed("send");
      for (; piece != pieces + 2 && static_cast<size_t>(sent) >= piece->iov_len; ++piece) {
        sent -= static_cast<ssize_t>(piece->iov_len);
      }
      if (piece == pieces + 2) break;
      piece->iov_base = static_cast<char*>(piece->iov_base) + sent;
      piece->iov_len -= sent;
    }
    return absl::OkStatus();
  }

  absl::Status Fill() {
    char bytes[4096];
    const ssize_t got = recv(fd_, bytes, sizeof(bytes), 0);
    if (got < 0) return Failed("receive");
    if (got == 0) return absl::UnavailableError("the server closed the connection");
    buffer_.append(bytes, got);
    return absl::OkStatus();
  }

  absl::StatusOr<Answer> Read() {
    size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) RETURN_IF_ERROR(Fill());
    const std::string head = absl::AsciiStrToLower(buffer_.substr(0, end + 2));
    buffer_.erase(0, end + 4);
    Answer answer;
    if (head.size() < 12 || !absl::SimpleAtoi(head.substr(9, 3), &answer.status)) {
      return absl::UnavailableError(absl::StrCat("not an answer: ", head));
    }
    size_t length = 0;
    constexpr std::string_view kLength = "\r\ncontent-length:";
    if (const size_t at = head.find(kLength); at != std::string::npos) {
      length = std::strtoull(head.c_str() + at + kLength.size(), nullptr, 10);
    }
    while (buffer_.size() < length) RETURN_IF_ERROR(Fill());
    answer.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    if (absl::StrContains(head, "connection: close") ||
        absl::StrContains(head, "transfer-encoding:")) {
      Close();
    }
    return answer;
  }

  const int port_;
  int fd_ = -1;
  std::string buffer_;
};

// The requests of one shard, and how far it has come.
struct Lane {
  std::vector<const Request*> requests;
  std::atomic<int64_t> now_ms{std::numeric_limits<int64_t>::min()};  // newest sample being sent
  SendReport report;
  absl::Status status;
};

class Sender {
 public:
  Sender(const RequestFile& file, int port, std::string path, int64_t window_ms)
      : port_(port), path_(std::move(path)), window_ms_(window_ms) {
    for (const Request& request : file.requests()) {
      while (lanes_.size() <= request.shard) lanes_.push_back(std::make_unique<Lane>());
      lanes_[request.shard]->requests.push_back(&request);
    }
    for (auto& lane : lanes_) {
      if (!lane->requests.empty()) lane->now_ms = lane->requests.front()->newest_ms;
    }
  }

  absl::StatusOr<SendReport> Run() {
    const auto start = SteadyClock::now();
    std::vector<std::thread> threads;
    for (auto& lane : lanes_) {
      threads.emplace_back([&, lane = lane.get()] {
        lane->status = Send(*lane);
        lane->now_ms = std::numeric_limits<int64_t>::max();
        if (!lane->status.ok()) stop_ = true;
      });
    }
    for (std::thread& thread : threads) thread.join();
    SendReport all;
    all.seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
    for (auto& lane : lanes_) {
      RETURN_IF_ERROR(lane->status);
      const SendReport& one = lane->report;
      for (const auto& [status, count] : one.statuses) all.statuses[status] += count;
      all.accepted_samples += one.accepted_samples;
      all.repeats += one.repeats;
      all.latencies_us.insert(all.latencies_us.end(), one.latencies_us.begin(),
                              one.latencies_us.end());
      if (all.first_refusal.empty()) all.first_refusal = one.first_refusal;
    }
    std::sort(all.latencies_us.begin(), all.latencies_us.end());
    return all;
  }

 private:
  absl::Status Send(Lane& lane) {
    Connection connection(port_);
    for (const Request* request : lane.requests) {
      lane.now_ms = request->newest_ms;
      while (request->newest_ms - window_ms_ > Slowest() && !stop_) poll(nullptr, 0, 1);
      if (stop_) return absl::OkStatus();
      RETURN_IF_ERROR(SendOne(connection, *request, lane.report));
    }
    return absl::OkStatus();
  }

  absl::Status SendOne(Connection& connection, const Request& request, SendReport& report) {
    const std::string head = absl::StrCat(
        "POST ", path_, " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n",
        "Content-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\n",
        "User-Agent: slowburn-bench\r\nContent-Length: ", request.body.size(), "\r\n\r\n");
    absl::Status last;
    for (int repeat = 0; repeat < kMaxRepeats; ++repeat) {
      const auto start = SteadyClock::now();
      const absl::StatusOr<Answer> answer = connection.Post(head, request.body);
      report.latencies_us.push_back(static_cast<uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - start)
              .count()));
      if (answer.ok()) {
        ++report.statuses[answer->status];
        if (answer->status / 100 == 2) {
          report.accepted_samples += request.samples;
          return absl::OkStatus();
        }
        if (report.first_refusal.empty()) report.first_refusal = answer->body;
        if (answer->status != 429 && answer->status / 100 != 5) return absl::OkStatus();
        last = absl::DeadlineExceededError(absl::StrCat("put off too often: ", answer->body));
      } else {
        last = answer.status();
        if (repeat > 20) return last;
      }
      ++report.repeats;
      Pause();
    }
    return last;
  }

  int64_t Slowest() const {
    int64_t slowest = std::numeric_limits<int64_t>::max();
    for (const auto& lane : lanes_) slowest = std::min(slowest, lane->now_ms.load());
    return slowest;
  }

  const int port_;
  const std::string path_;
  const int64_t window_ms_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<bool> stop_{false};
};

}  // namespace

absl::StatusOr<SendReport> SendRequests(const RequestFile& file, int port, const std::string& path,
                                        int64_t window_ms) {
  return Sender(file, port, path, window_ms).Run();
}

}  // namespace slowburn::bench
