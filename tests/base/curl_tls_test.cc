// tls_config of the HTTP client, against a small TLS server with certificates that are made here.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/http_client.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::base {
namespace {

using testing::IsCode;

struct Identity {
  std::string cert, key;  // PEM
};

std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<size_t>(size));
  BIO_free(bio);
  return out;
}

// Signed by itself, valid for the DNS name `host`.
Identity MakeIdentity(const std::string& host) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* cert = X509_new();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), -60);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, key);
  X509_NAME* name = X509_get_subject_name(cert);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
  X509_set_issuer_name(cert, name);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, cert, cert, nullptr, nullptr, 0);
  const std::string names = "DNS:" + host;
  for (const auto& [id, value] : {std::pair<int, std::string>{NID_subject_alt_name, names},
                                  {NID_basic_constraints, "CA:TRUE"}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(cert, key, EVP_sha256());
  Identity identity;
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, cert);
  identity.cert = Text(bio);
  bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  identity.key = Text(bio);
  X509_free(cert);
  EVP_PKEY_free(key);
  return identity;
}

X509* ReadCert(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* cert = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return cert;
}

// Answers each connection's first request with the SNI name and the Host header, then closes.
class TlsServer {
 public:
  // `client_ca`: a certificate that clients have to show; empty: none.
  TlsServer(const Identity& identity, const std::string& client_ca)
      : context_(SSL_CTX_new(TLS_server_method())) {
    X509* cert = ReadCert(identity.cert);
    SSL_CTX_use_certificate(context_, cert);
    X509_free(cert);
    BIO* bio = BIO_new_mem_buf(identity.key.data(), static_cast<int>(identity.key.size()));
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    SSL_CTX_use_PrivateKey(context_, key);
    EVP_PKEY_free(key);
    if (!client_ca.empty()) {
      X509* ca = ReadCert(client_ca);
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), ca);
      X509_free(ca);
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::listen(listener_, 8);
    socklen_t length = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~TlsServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    SSL_CTX_free(context_);
  }
  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_) + "/x"; }
  int port() const { return port_; }

 private:
  void Run() {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to clients that have left
    for (int fd; (fd = ::accept(listener_, nullptr, nullptr)) >= 0;) {
      SSL* ssl = SSL_new(context_);
      SSL_set_fd(ssl, fd);
      if (SSL_accept(ssl) == 1) Answer(ssl);
      SSL_shutdown(ssl);
      SSL_free(ssl);
      ::close(fd);
    }
  }
  static void Answer(SSL* ssl) {
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const int n = SSL_read(ssl, buffer, sizeof buffer);
      if (n <= 0) return;
      request.append(buffer, static_cast<size_t>(n));
    }
    const size_t host = request.find("Host: ");
    const char* sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const std::string body = std::string(sni == nullptr ? "-" : sni) + " " +
                             request.substr(host + 6, request.find("\r\n", host) - host - 6) + " " +
                             SSL_get_version(ssl);
    const std::string answer =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
  }

  SSL_CTX* context_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

class CurlTlsTest : public ::testing::Test {
 protected:
  absl::StatusOr<HttpResponse> Get(const TlsServer& server, TlsOptions tls) {
    auto config = std::make_shared<HttpClientConfig>();
    config->tls = std::move(tls);
    HttpRequest request;
    request.url = server.url();
    request.config = config;
    return Fetch(*client_, request);
  }
  const Identity identity_ = MakeIdentity("metrics.internal");
  std::unique_ptr<HttpClient> client_ = NewCurlHttpClient();
};

TEST_F(CurlTlsTest, UnknownIssuersAreRefused) {
  const TlsServer server(identity_, "");
  EXPECT_THAT(Get(server, {}), IsCode(absl::StatusCode::kUnavailable, "certificate"));
  const Identity other = MakeIdentity("metrics.internal");
  EXPECT_THAT(Get(server, {.ca = other.cert, .server_name = "metrics.internal"}),
              IsCode(absl::StatusCode::kUnavailable, "certificate"));
}

TEST_F(CurlTlsTest, InsecureSkipVerify) {
  const TlsServer server(identity_, "");
  ASSERT_OK_AND_ASSIGN(const HttpResponse response, Get(server, {.insecure_skip_verify = true}));
  EXPECT_EQ(response.status, 200);
}

TEST_F(CurlTlsTest, ServerNameIsSentAndVerifiedAndTheHostStays) {
  const TlsServer server(identity_, "");
  EXPECT_FALSE(Get(server, {.ca = identity_.cert}).ok()) << "the certificate is not for 127.0.0.1";
  EXPECT_FALSE(Get(server, {.ca = identity_.cert, .server_name = "other.internal"}).ok());
  ASSERT_OK_AND_ASSIGN(const HttpResponse response,
                       Get(server, {.ca = identity_.cert, .server_name = "metrics.internal"}));
  EXPECT_EQ(response.body,
            "metrics.internal 127.0.0.1:" + std::to_string(server.port()) + " TLSv1.3");
}

TEST_F(CurlTlsTest, CaFilesAreReadAtEachConnection) {
  const TlsServer server(identity_, "");
  std::string dir = (std::filesystem::temp_directory_path() / "slowburn-tls-XXXXXX").string();
  ASSERT_NE(::mkdtemp(dir.data()), nullptr);
  const std::string file = dir + "/ca.pem";
  const TlsOptions tls = {.ca_file = file, .server_name = "metrics.internal"};
  EXPECT_THAT(Get(server, tls), IsCode(absl::StatusCode::kInvalidArgument, file));
  ASSERT_OK(WriteFileAtomic(file, MakeIdentity("x").cert));
  EXPECT_FALSE(Get(server, tls).ok());
  ASSERT_OK(WriteFileAtomic(file, identity_.cert));
  EXPECT_OK(Get(server, tls));
  std::filesystem::remove_all(dir);
}

TEST_F(CurlTlsTest, ClientCertificates) {
  const Identity client = MakeIdentity("client");
  const TlsServer server(identity_, client.cert);
  EXPECT_FALSE(Get(server, {.insecure_skip_verify = true}).ok());
  EXPECT_OK(Get(server, {.cert = client.cert, .key = client.key, .insecure_skip_verify = true}));
  EXPECT_THAT(
      Get(server, {.cert = "no certificate", .key = client.key, .insecure_skip_verify = true}),
      IsCode(absl::StatusCode::kInvalidArgument, ""));
}

TEST_F(CurlTlsTest, Versions) {
  const TlsServer server(identity_, "");
  ASSERT_OK_AND_ASSIGN(
      const HttpResponse response,
      Get(server, {.min_version = "TLS12", .max_version = "TLS12", .insecure_skip_verify = true}));
  EXPECT_TRUE(response.body.ends_with("TLSv1.2")) << response.body;
}

}  // namespace
}  // namespace slowburn::base
