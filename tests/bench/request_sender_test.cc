// The sender against a server whose answers the test chooses.
#include "bench/request_sender.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/testing/status_matchers.h"

namespace slowburn::bench {
namespace {

// Takes one connection after the other; gives the next answer to each request; "" closes the
// connection instead.
class Server {
 public:
  explicit Server(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_, 4), 0);
    socklen_t size = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~Server() {
    thread_.join();
    close(listener_);
  }
  int port() const { return port_; }

 private:
  void Run() {
    size_t next = 0;
    while (next < answers_.size()) {
      const int fd = accept(listener_, nullptr, nullptr);
      while (next < answers_.size() && ReadRequest(fd)) {
        const std::string& answer = answers_[next++];
        if (answer.empty()) break;
        EXPECT_EQ(send(fd, answer.data(), answer.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(answer.size()));
      }
      close(fd);
    }
  }

  bool ReadRequest(int fd) {
    std::string request;
    char byte;
    while (request.find("\r\n\r\n") == std::string::npos) {
      if (recv(fd, &byte, 1, 0) != 1) return false;
      request += byte;
    }
    const size_t at = request.find("Content-Length: ");
    std::string body(std::stoul(request.substr(at + 16)), '\0');
    return recv(fd, body.data(), body.size(), MSG_WAITALL) == static_cast<ssize_t>(body.size());
  }

  std::vector<std::string> answers_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

constexpr char kStored[] = "HTTP/1.1 204 No Content\r\n\r\n";

class RequestSenderTest : public ::testing::Test {
 protected:
  RequestSenderTest() : path_(::testing::TempDir() + "sender_test." + std::to_string(getpid())) {
    std::FILE* file = std::fopen(path_.c_str(), "wb");
    RequestFileWriter writer(file, 1, 2);
    for (int i = 0; i < 6; ++i) writer.Add(0, "\x0a\x02\x0a\x00", 1000 * i, i);
    EXPECT_OK(writer.Finish());
    std::fclose(file);
  }
  ~RequestSenderTest() override { std::filesystem::remove(path_); }

  SendReport Send(std::vector<std::string> answers) {
    Server server(std::move(answers));
    auto file = RequestFile::Open(path_);
    EXPECT_OK(file.status());
    auto report = SendRequests(*file, server.port(), "/api/v1/write", 60'000);
    EXPECT_OK(report.status());
    return *report;
  }

  std::string path_;
};

TEST_F(RequestSenderTest, CountsWhatIsAccepted) {
  const SendReport report =
      Send({kStored, kStored, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
  EXPECT_EQ(report.accepted_samples, 6u);
  EXPECT_EQ(report.statuses, (std::map<int, uint64_t>{{200, 1}, {204, 2}}));
  EXPECT_EQ(report.repeats, 0u);
  EXPECT_EQ(report.latencies_us.size(), 3u);
}

TEST_F(RequestSenderTest, RepeatsWhatIsPutOffAndNotWhatIsRefused) {
  const SendReport report =
      Send({"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", kStored,
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nbad", kStored});
  EXPECT_EQ(report.accepted_samples, 4u);
  EXPECT_EQ(report.statuses, (std::map<int, uint64_t>{{204, 2}, {400, 1}, {503, 1}}));
  EXPECT_EQ(report.repeats, 1u);
  EXPECT_EQ(report.first_refusal, "busy");
}

TEST_F(RequestSenderTest, OpensAClosedConnectionAnew) {
  const SendReport report = Send({kStored, "", kStored, kStored});
  EXPECT_EQ(report.accepted_samples, 6u);
  EXPECT_EQ(report.repeats, 1u);
}

}  // namespace
}  // namespace slowburn::bench
