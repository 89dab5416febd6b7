// The only file that includes libcurl for HTTP. One thread runs the multi handle; Start hands it
// transfers through a queue and wakes it up. A transfer belongs to that thread from then on.
#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <charconv>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/check.h"
#include "base/file.h"
#include "base/http_client.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "base/version.h"

namespace slowburn::base {
namespace {

constexpr long kMaxRedirects = 10;
constexpr long kMaxIdleConnections = 1024;
constexpr size_t kMaxIdleHandles = 256;
constexpr int kPollMs = 1000;
constexpr size_t kMaxReserveBytes = size_t{16} << 20;  // a Content-Length is only a claim

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDeleter>;

void Append(List& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return;
  (void)list.release();  // the old head is part of the new list
  list.reset(longer);
}

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDeleter>;

std::string UrlPart(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string out = text;
  curl_free(text);
  return out;
}

// "GET http://host:port": without user, path and query, where secrets of webhooks stand.
std::string Describe(const HttpRequest& request) {
  const Url url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, request.url.c_str(), 0) != CURLUE_OK)
    return request.method;
  std::string out = absl::StrCat(request.method, " ", UrlPart(url.get(), CURLUPART_SCHEME), "://",
                                 UrlPart(url.get(), CURLUPART_HOST));
  const std::string port = UrlPart(url.get(), CURLUPART_PORT);
  if (!port.empty()) absl::StrAppend(&out, ":", port);
  return out;
}

// `value`, or the trimmed content of `file` where that is given.
absl::StatusOr<std::string> Secret(const std::string& value, const std::string& file) {
  if (file.empty()) return value;
  absl::StatusOr<std::string> content = ReadFile(file);
  if (!content.ok()) return absl::InvalidArgumentError(std::string(content.status().message()));
  absl::StripAsciiWhitespace(&*content);
  return content;
}

absl::StatusOr<std::string> AuthorizationHeader(const HttpClientConfig& config) {
  if (config.basic_auth) {
    const auto& auth = *config.basic_auth;
    ASSIGN_OR_RETURN(const std::string user, Secret(auth.username, auth.username_file));
    ASSIGN_OR_RETURN(const std::string password, Secret(auth.password, auth.password_file));
    return absl::StrCat("Authorization: Basic ",
                        absl::Base64Escape(absl::StrCat(user, ":", password)));
  }
  if (config.authorization) {
    const auto& auth = *config.authorization;
    ASSIGN_OR_RETURN(const std::string credentials,
                     Secret(auth.credentials, auth.credentials_file));
    return absl::StrCat("Authorization: ", auth.type, " ", credentials);
  }
  return std::string();
}

absl::StatusOr<long> TlsVersion(const std::string& name, bool is_maximum) {
  struct Version {
    const char* name;
    long minimum, maximum;
  };
  static constexpr Version kVersions[] = {
      {"TLS10", CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_0},
      {"TLS11", CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_1},
      {"TLS12", CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_2},
      {"TLS13", CURL_SSLVERSION_TLSv1_3, CURL_SSLVERSION_MAX_TLSv1_3}};
  if (name.empty())
    return is_maximum ? long{CURL_SSLVERSION_MAX_DEFAULT} : long{CURL_SSLVERSION_TLSv1_2};
  for (const Version& version : kVersions) {
    if (name == version.name) return is_maximum ? version.maximum : version.minimum;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown TLS version \"", name, "\": want TLS10, TLS11, TLS12 or TLS13"));
}

struct Transfer {
  HttpRequest request;
  HttpClient::Callback done;
  std::string authorization;  // header line, or empty
  absl::Status early;         // found before libcurl was asked
  HttpResponse response;
  List headers;
  List connect_to;
  bool body_too_large = false;
  char error[CURL_ERROR_SIZE] = {};
};

size_t OnBody(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const size_t bytes = size * count;
  std::string& body = transfer.response.body;
  if (bytes >
      transfer.request.max_body_bytes - std::min(body.size(), transfer.request.max_body_bytes)) {
    transfer.body_too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  body.append(data, bytes);
  return bytes;
}

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {  // of a redirect, a 100 or the answer: only the last one counts
    transfer.response.headers.clear();
    transfer.response.body.clear();
    return line.size();
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  std::string name(line.substr(0, colon));
  absl::AsciiStrToLower(&name);
  std::string value(line.substr(colon + 1));
  absl::StripAsciiWhitespace(&value);
  if (name == "content-length") {
    size_t length = 0;
    std::from_chars(value.data(), value.data() + value.size(), length);
    transfer.response.body.reserve(
        std::min({length, kMaxReserveBytes, transfer.request.max_body_bytes}));
  }
  transfer.response.headers.emplace_back(std::move(name), std::move(value));
  return line.size();
}

void SetBlob(CURL* easy, CURLoption option, const std::string& pem) {
  curl_blob blob = {const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_COPY};
  curl_easy_setopt(easy, option, &blob);
}

absl::Status SetTls(CURL* easy, const TlsOptions& tls) {
  ASSIGN_OR_RETURN(const long minimum, TlsVersion(tls.min_version, false));
  ASSIGN_OR_RETURN(const long maximum, TlsVersion(tls.max_version, true));
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, minimum | maximum);
  if (!tls.ca.empty() || !tls.ca_file.empty()) {
    // The system's authorities do not count then, as in Go.
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    // libcurl would otherwise keep a certificate store for a day after its file changed.
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
  }
  if (!tls.ca.empty()) SetBlob(easy, CURLOPT_CAINFO_BLOB, tls.ca);
  if (!tls.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, tls.ca_file.c_str());
  if (!tls.cert.empty()) SetBlob(easy, CURLOPT_SSLCERT_BLOB, tls.cert);
  if (!tls.cert_file.empty()) curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.cert_file.c_str());
  if (!tls.key.empty()) SetBlob(easy, CURLOPT_SSLKEY_BLOB, tls.key);
  if (!tls.key_file.empty()) curl_easy_setopt(easy, CURLOPT_SSLKEY, tls.key_file.c_str());
  if (tls.insecure_skip_verify) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  return absl::OkStatus();
}

// libcurl takes the name it sends and verifies from the URL. So the URL gets tls_config's
// server_name, the connection is steered to the real host, and the Host header keeps the real name.
absl::Status UseServerName(CURL* easy, Transfer& transfer, const std::string& server_name) {
  const Url url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, transfer.request.url.c_str(), 0) != CURLUE_OK) {
    return absl::InvalidArgumentError("unreadable URL");
  }
  const std::string host = UrlPart(url.get(), CURLUPART_HOST);
  const std::string port = UrlPart(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const std::string explicit_port = UrlPart(url.get(), CURLUPART_PORT);
  if (curl_url_set(url.get(), CURLUPART_HOST, server_name.c_str(), 0) != CURLUE_OK) {
    return absl::InvalidArgumentError(
        absl::StrCat("server_name \"", server_name, "\" is not a host name"));
  }
  Append(transfer.connect_to, absl::StrCat(server_name, ":", port, ":", host, ":", port));
  Append(transfer.headers,
         absl::StrCat("Host: ", host, explicit_port.empty() ? "" : ":", explicit_port));
  curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer.connect_to.get());
  curl_easy_setopt(easy, CURLOPT_URL, UrlPart(url.get(), CURLUPART_URL).c_str());
  return absl::OkStatus();
}

void SetMethod(CURL* easy, const HttpRequest& request) {
  const bool has_body = !request.body.empty();
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request.method == "POST") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);  // a redirect may turn it into a GET, as in Go
  } else if (request.method != "GET" || has_body) {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  if (has_body || request.method == "POST") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
  }
}

// A header of the request; "Name;" is libcurl's way of sending one without a value.
void AppendHeader(List& list, const std::string& name, const std::string& value) {
  Append(list, value.empty() ? name + ";" : absl::StrCat(name, ": ", value));
}

void SetHeaders(CURL* easy, Transfer& transfer) {
  bool has_agent = false, has_type = false, has_authorization = false;
  const auto add = [&](const std::pair<std::string, std::string>& header) {
    const std::string name = absl::AsciiStrToLower(header.first);
    has_agent |= name == "user-agent";
    has_type |= name == "content-type";
    has_authorization |= name == "authorization";
    AppendHeader(transfer.headers, header.first, header.second);
  };
  for (const auto& header : transfer.request.headers) add(header);
  if (transfer.request.config) {
    for (const auto& header : transfer.request.config->headers) add(header);
  }
  if (!has_authorization && !transfer.authorization.empty())
    Append(transfer.headers, transfer.authorization);
  if (!has_agent) Append(transfer.headers, absl::StrCat("User-Agent: Slowburn/", kVersion));
  if (!has_type) Append(transfer.headers, "Content-Type:");  // not curl's form-urlencoded
  Append(transfer.headers, "Expect:");                       // and no waiting for 100 Continue
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers.get());
}

void SetProxy(CURL* easy, const HttpClientConfig* config) {
  if (config != nullptr && !config->proxy_url.empty()) {
    curl_easy_setopt(easy, CURLOPT_PROXY, config->proxy_url.c_str());
    curl_easy_setopt(easy, CURLOPT_NOPROXY, config->no_proxy.c_str());
  } else if (config == nullptr || !config->proxy_from_environment) {
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
  }
}

absl::Status Configure(CURL* easy, Transfer& transfer) {
  const HttpRequest& request = transfer.request;
  const HttpClientConfig* config = request.config.get();
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  const long timeout = static_cast<long>(std::max<DurationMs>(request.timeout_ms, 1));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout);
  if (request.accept_gzip) curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION,
                   config == nullptr || config->follow_redirects ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, kMaxRedirects);
  const bool http2 = config == nullptr || config->enable_http2;
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                   long{http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1});
  SetMethod(easy, request);
  SetProxy(easy, config);
  const TlsOptions no_tls_options;
  const TlsOptions& tls = config == nullptr ? no_tls_options : config->tls;
  RETURN_IF_ERROR(SetTls(easy, tls));
  if (!tls.server_name.empty() && request.url.starts_with("https://")) {
    RETURN_IF_ERROR(UseServerName(easy, transfer, tls.server_name));
  }
  SetHeaders(easy, transfer);
  return absl::OkStatus();
}

// libcurl says that it could not connect; the system's word (connection refused, no route to host)
// says why.
std::string Reason(CURL* easy, CURLcode code, const Transfer& transfer) {
  const std::string reason = transfer.error[0] != '\0' ? transfer.error : curl_easy_strerror(code);
  long os_error = 0;
  if (code != CURLE_COULDNT_CONNECT || curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error) != CURLE_OK || os_error == 0) {
    return reason;
  }
  std::string word = std::generic_category().message(int(os_error));
  word[0] = char(std::tolower(static_cast<unsigned char>(word[0])));
  return absl::StrCat(reason, ": ", word);
}

absl::Status ToStatus(CURL* easy, CURLcode code, const Transfer& transfer) {
  const HttpRequest& request = transfer.request;
  const std::string what = Describe(request);
  if (transfer.body_too_large) {
    return absl::ResourceExhaustedError(
        absl::StrCat(what, ": body is larger than ", request.max_body_bytes, " bytes"));
  }
  const std::string reason = Reason(easy, code, transfer);
  const std::string message = absl::StrCat(what, ": ", reason);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(
          absl::StrCat(what, ": no answer within ", request.timeout_ms, " ms: ", reason));
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return absl::InvalidArgumentError(message);
    default:
      return absl::UnavailableError(message);
  }
}

class CurlHttpClient final : public HttpClient {
 public:
  CurlHttpClient() {
    static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
    CHECK(global == CURLE_OK);
    multi_ = curl_multi_init();
    CHECK(multi_ != nullptr);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kMaxIdleConnections);
    thread_ = std::thread([this] { Run(); });
  }

  ~CurlHttpClient() override {
    stopping_ = true;
    curl_multi_wakeup(multi_);
    thread_.join();
    for (CURL* easy : idle_) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi_);
  }

  void Start(HttpRequest request, Callback done) override {
    auto transfer = std::make_unique<Transfer>();
    transfer->request = std::move(request);
    transfer->done = std::move(done);
    if (transfer->request.config) {
      // Files are read here, so that a slow disk holds up nobody else.
      absl::StatusOr<std::string> header = AuthorizationHeader(*transfer->request.config);
      if (header.ok()) {
        transfer->authorization = *std::move(header);
      } else {
        transfer->early = header.status();
      }
    }
    {
      MutexLock lock(mu_);
      incoming_.push_back(std::move(transfer));
    }
    curl_multi_wakeup(multi_);
  }

 private:
  void Run();
  void Begin(std::unique_ptr<Transfer> transfer);
  void BeginIncoming();
  void EndFinished();
  void FailAll();
  void Recycle(CURL* easy);

  CURLM* multi_ = nullptr;
  std::atomic<bool> stopping_{false};
  Mutex mu_;
  std::vector<std::unique_ptr<Transfer>> incoming_ ABSL_GUARDED_BY(mu_);
  // Only the thread's.
  std::unordered_set<CURL*> active_;
  std::vector<CURL*> idle_;
  std::thread thread_;
};

void CurlHttpClient::Run() {
  // OpenSSL writes with plain write(2): a peer that went away would raise SIGPIPE, in the thread
  // that wrote.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  while (!stopping_) {
    BeginIncoming();
    int running = 0;
    curl_multi_perform(multi_, &running);
    EndFinished();
    curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
  }
  FailAll();
}

void CurlHttpClient::BeginIncoming() {
  std::vector<std::unique_ptr<Transfer>> incoming;
  {
    MutexLock lock(mu_);
    incoming.swap(incoming_);
  }
  for (auto& transfer : incoming) Begin(std::move(transfer));
}

void CurlHttpClient::Begin(std::unique_ptr<Transfer> transfer) {
  CURL* easy = nullptr;
  if (!idle_.empty()) {
    easy = idle_.back();
    idle_.pop_back();
  } else {
    easy = curl_easy_init();
  }
  absl::Status status = transfer->early;
  if (easy == nullptr) status = absl::ResourceExhaustedError("cannot create a libcurl handle");
  if (status.ok()) status = Configure(easy, *transfer);
  if (status.ok()) {
    if (const CURLMcode code = curl_multi_add_handle(multi_, easy); code != CURLM_OK) {
      status = absl::UnavailableError(curl_multi_strerror(code));
    }
  }
  if (!status.ok()) {
    if (easy != nullptr) Recycle(easy);
    transfer->done(Annotate(status, Describe(transfer->request)));
    return;
  }
  active_.insert(easy);
  (void)transfer.release();  // owned through CURLOPT_PRIVATE until EndFinished or FailAll
}

std::unique_ptr<Transfer> TransferOf(CURL* easy) {
  char* pointer = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &pointer);
  return std::unique_ptr<Transfer>(reinterpret_cast<Transfer*>(pointer));
}

void CurlHttpClient::EndFinished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const CURLcode code = message->data.result;
    const std::unique_ptr<Transfer> transfer = TransferOf(easy);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    const absl::Status failure = code == CURLE_OK ? absl::OkStatus() : ToStatus(easy, code, *transfer);
    curl_multi_remove_handle(multi_, easy);
    active_.erase(easy);
    Recycle(easy);
    if (!failure.ok()) {
      transfer->done(failure);
      continue;
    }
    transfer->response.status = static_cast<int>(status);
    transfer->done(std::move(transfer->response));
  }
}

// Connections live in the multi handle, so that resetting an easy handle keeps them.
void CurlHttpClient::Recycle(CURL* easy) {
  if (idle_.size() >= kMaxIdleHandles) {
    curl_easy_cleanup(easy);
    return;
  }
  curl_easy_reset(easy);
  idle_.push_back(easy);
}

void CurlHttpClient::FailAll() {
  std::vector<std::unique_ptr<Transfer>> cancelled;
  for (CURL* easy : active_) {
    cancelled.push_back(TransferOf(easy));
    curl_multi_remove_handle(multi_, easy);
    curl_easy_cleanup(easy);
  }
  active_.clear();
  {
    MutexLock lock(mu_);
    for (auto& transfer : incoming_) cancelled.push_back(std::move(transfer));
    incoming_.clear();
  }
  for (const auto& transfer : cancelled) {
    transfer->done(absl::CancelledError(
        absl::StrCat(Describe(transfer->request), ": the client is stopping")));
  }
}

}  // namespace

std::unique_ptr<HttpClient> NewCurlHttpClient() { return std::make_unique<CurlHttpClient>(); }

}  // namespace slowburn::base
