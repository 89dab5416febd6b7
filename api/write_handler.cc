#include "api/write_handler.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace slowburn::api {
namespace {

constexpr std::string_view kMediaType = "application/x-protobuf";
constexpr std::string_view kMessage = "prometheus.WriteRequest";

std::string Lower(std::string_view text) {
  std::string out(text);
  absl::StripAsciiWhitespace(&out);
  absl::AsciiStrToLower(&out);
  return out;
}

// The parameter `name` of a media type, without quotes; nullopt when it is not there.
std::optional<std::string> MediaParameter(std::string_view content_type, std::string_view name) {
  size_t begin = content_type.find(';');
  while (begin != std::string_view::npos) {
    const size_t end = content_type.find(';', begin + 1);
    const std::string_view parameter = content_type.substr(begin + 1, end - begin - 1);
    const size_t equals = parameter.find('=');
    if (equals != std::string_view::npos && Lower(parameter.substr(0, equals)) == name) {
      std::string value(parameter.substr(equals + 1));
      absl::StripAsciiWhitespace(&value);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      return value;
    }
    begin = end;
  }
  return std::nullopt;
}

// Empty: fine. Otherwise why not.
std::string CheckContentType(std::string_view content_type) {
  if (content_type.empty()) return "";  // old senders: the first version
  const std::string media = Lower(content_type.substr(0, content_type.find(';')));
  if (media != kMediaType) {
    return absl::StrCat("unsupported Content-Type \"", std::string(content_type), "\", expected ",
                        std::string(kMediaType));
  }
  const std::optional<std::string> message = MediaParameter(content_type, "proto");
  if (!message.has_value() || *message == kMessage) return "";
  return absl::StrCat("unsupported remote write message \"", *message,
                      "\", accepted: ", std::string(kMessage));
}

std::optional<ingest::WriteEncoding> EncodingOf(std::string_view content_encoding) {
  const std::string encoding = Lower(content_encoding);
  if (encoding.empty() || encoding == "snappy") return ingest::WriteEncoding::kSnappy;
  if (encoding == "zstd") return ingest::WriteEncoding::kZstd;
  return std::nullopt;
}

prometheus::Counter& Requests(prometheus::Registry& registry, const char* result) {
  return base::AddCounter(registry, "slowburn_remote_write_requests_total",
                          "Remote-write requests by what became of them.", {{"result", result}});
}

}  // namespace

// Counts bytes as under way while it lives.
class WriteHandler::InFlight {
 public:
  InFlight(WriteHandler& handler, size_t bytes) : handler_(handler), bytes_(bytes) {
    const size_t before = handler_.in_flight_.fetch_add(bytes_);
    // One request alone is always let in: its own limits hold.
    admitted_ = before == 0 || before + bytes_ <= handler_.options_.max_in_flight_bytes;
    handler_.in_flight_gauge_.Increment(static_cast<double>(bytes_));
  }
  ~InFlight() {
    handler_.in_flight_.fetch_sub(bytes_);
    handler_.in_flight_gauge_.Decrement(static_cast<double>(bytes_));
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  bool admitted() const { return admitted_; }

 private:
  WriteHandler& handler_;
  const size_t bytes_;
  bool admitted_ = false;
};

WriteHandler::WriteHandler(ingest::RemoteWriteIngester& ingester, WriteHandlerOptions options,
                           prometheus::Registry& registry)
    : ingester_(ingester),
      options_(options),
      ok_(Requests(registry, "stored")),
      partly_refused_(Requests(registry, "partly_refused")),
      bad_(Requests(registry, "bad")),
      unsupported_(Requests(registry, "unsupported")),
      too_large_(Requests(registry, "too_large")),
      overloaded_(Requests(registry, "overloaded")),
      failed_(Requests(registry, "failed")),
      in_flight_gauge_(
          base::AddGauge(registry, "slowburn_remote_write_in_flight_bytes",
                         "Bytes of remote-write requests being stored, encoded and decoded.")) {}

void WriteHandler::Register(Router& router) {
  for (const char* path : {"/api/v1/write", "/api/v1/push"}) {
    router.Add({"POST"}, path, [this](const Request& request) { return Handle(request); });
  }
}

Response WriteHandler::Handle(const Request& request) {
  if (const std::string problem = CheckContentType(request.Header("content-type"));
      !problem.empty()) {
    unsupported_.Increment();
    return Response::Refusal(415, absl::StrCat(problem, "\n"));
  }
  const std::string_view content_encoding = request.Header("content-encoding");
  const std::optional<ingest::WriteEncoding> encoding = EncodingOf(content_encoding);
  if (!encoding.has_value()) {
    unsupported_.Increment();
    return Response::Refusal(
        415, absl::StrCat("unsupported Content-Encoding \"", std::string(content_encoding),
                          "\", accepted: snappy, zstd\n"));
  }
  // A body whose size cannot be told is refused by the decoder in a moment.
  const size_t limit = ingester_.limits().decoded_bytes;
  const size_t decoded = ingest::DecodedSize(*encoding, request.body, limit).value_or(0);
  const InFlight in_flight(*this, request.body.size() + std::min(decoded, limit));
  if (!in_flight.admitted()) {
    overloaded_.Increment();
    Response response =
        Response::Refusal(503, absl::StrCat("too many remote-write bytes under way, the limit is ",
                                            options_.max_in_flight_bytes, ": retry\n"));
    response.headers.emplace_back("Retry-After", "1");
    return response;
  }
  return Store(request, *encoding);
}

Response WriteHandler::Store(const Request& request, ingest::WriteEncoding encoding) {
  const absl::StatusOr<ingest::WriteOutcome> outcome = ingester_.Ingest(request.body, encoding);
  if (outcome.ok()) {
    if (outcome->first_refusal.empty()) {
      ok_.Increment();
      Response response = Response::Text(204, "");
      response.compressible = false;
      return response;
    }
    partly_refused_.Increment();
    return Response::Refusal(
        400, absl::StrCat(outcome->first_refusal, " (", outcome->refused_samples, " samples and ",
                          outcome->refused_series, " series refused, ",
                          outcome->samples + outcome->histograms, " samples stored)\n"));
  }
  const std::string message = absl::StrCat(std::string(outcome.status().message()), "\n");
  switch (outcome.status().code()) {
    case absl::StatusCode::kResourceExhausted:
      too_large_.Increment();
      return Response::Refusal(413, message);
    case absl::StatusCode::kInvalidArgument:
      bad_.Increment();
      return Response::Refusal(400, message);
    default:
      break;
  }
  failed_.Increment();
  base::Error("remote write not stored",
              {{"err", outcome.status()}, {"from", request.remote_address}});
  if (!absl::IsUnavailable(outcome.status())) return Response::Refusal(500, message);
  Response response = Response::Refusal(503, message);
  response.headers.emplace_back("Retry-After", "5");
  return response;
}

}  // namespace slowburn::api
