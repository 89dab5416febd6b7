// The envelope of /api/v1 and the mapping from Status to HTTP (prometheus' errorType and status
// code).
//
//   kInvalidArgument → bad_data 400      kFailedPrecondition, kResourceExhausted → execution 422
//   kCancelled → canceled 499            kDeadlineExceeded → timeout 503
//   kNotFound → not_found 404            anything else → internal 500
#ifndef SLOWBURN_API_ENVELOPE_H_
#define SLOWBURN_API_ENVELOPE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "api/http.h"

namespace slowburn::api {

// {"status":"success","data":DATA,"warnings":[…],"infos":[…]}; `data` is encoded JSON.
Response Success(std::string_view data, const std::vector<std::string>& warnings = {},
                 const std::vector<std::string>& infos = {});
// The same for large answers, without a copy: the caller appends the data to what BeginSuccess
// returns and hands all of it to EndSuccess.
std::string BeginSuccess();
Response EndSuccess(std::string body, const std::vector<std::string>& warnings = {},
                    const std::vector<std::string>& infos = {});
Response ErrorResponse(const absl::Status& status);
// 400 bad_data: invalid parameter "NAME": REASON
Response InvalidParameter(std::string_view name, std::string_view reason);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_ENVELOPE_H_
