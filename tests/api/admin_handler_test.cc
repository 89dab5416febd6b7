#include "api/admin_handler.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slowburn::api {
namespace {

class AdminApi : public ::testing::Test {
 protected:
  Response Call(const std::string& what, const std::string& query, bool enabled = true,
                const std::string& method = "POST") {
    Router router;
    RegisterAdminApi(router,
                     {.enabled = enabled,
                      .delete_series =
                          [this](const std::vector<tsdb::Matchers>& any_of, tsdb::TimeRange range) {
                            deleted_ = any_of;
                            range_ = range;
                            return status_;
                          },
                      .clean_tombstones =
                          [this] {
                            ++cleaned_;
                            return status_;
                          },
                      .seal =
                          [this] {
                            ++sealed_;
                            return status_;
                          },
                      .snapshot = [this](tsdb::SnapshotHead head) -> absl::StatusOr<std::string> {
                        heads_.push_back(head);
                        if (!status_.ok()) return status_;
                        return "20261130T055243Z-7efb37ed45adbe21";
                      }});
    Request request;
    request.method = method;
    request.path = "/api/v1/admin/tsdb/" + what;
    request.params = Params::Parse(query);
    return router.Route(request);
  }

  absl::Status status_;
  std::vector<tsdb::Matchers> deleted_;
  tsdb::TimeRange range_;
  int cleaned_ = 0;
  int sealed_ = 0;
  std::vector<tsdb::SnapshotHead> heads_;
};

TEST_F(AdminApi, DeletesSeriesInAClosedRange) {
  for (const char* method : {"POST", "PUT"}) {
    deleted_.clear();
    const Response response = Call(
        "delete_series", "match[]=up&match[]=%7Bjob%3D%22a%22%7D&start=1.5&end=3", true, method);
    EXPECT_EQ(response.status, 204);
    EXPECT_EQ(response.body, "");
    ASSERT_EQ(deleted_.size(), 2u);
    EXPECT_EQ(deleted_[0][0].ToString(), "__name__=\"up\"");
    EXPECT_EQ(deleted_[1][0].ToString(), "job=\"a\"");
    EXPECT_EQ(range_, (tsdb::TimeRange{1500, 3001}));
    ASSERT_EQ(response.headers.size(), 1u);
    EXPECT_NE(response.headers[0].second.find("budgets keep"), std::string::npos);
  }
}

TEST_F(AdminApi, DeletesEverythingWhenToldTo) {
  for (const char* selector : {"%7B%7D", "%7Ba%3D%22%22%7D"}) {
    EXPECT_EQ(Call("delete_series", std::string("match[]=") + selector).status, 204) << selector;
  }
  ASSERT_EQ(deleted_.size(), 1u);
  EXPECT_EQ(deleted_[0][0].ToString(), "a=\"\"");
}

TEST_F(AdminApi, TakesSnapshots) {
  const struct {
    const char* query;
    tsdb::SnapshotHead head;
  } cases[] = {{"", tsdb::SnapshotHead::kWith},
               {"skip_head=", tsdb::SnapshotHead::kWith},
               {"skip_head=F", tsdb::SnapshotHead::kWith},
               {"skip_head=true", tsdb::SnapshotHead::kWithout}};
  for (const auto& c : cases) {
    heads_.clear();
    const Response response = Call("snapshot", c.query);
    EXPECT_EQ(response.status, 200) << c.query;
    EXPECT_EQ(response.body,
              R"({"status":"success","data":{"name":"20261130T055243Z-7efb37ed45adbe21"}})");
    EXPECT_EQ(heads_, std::vector{c.head}) << c.query;
  }
  heads_.clear();
  const Response response = Call("snapshot", "skip_head=x");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(
      response.body,
      R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"skip_head\": unable to parse boolean: strconv.ParseBool: parsing \"x\": invalid syntax"})");
  EXPECT_TRUE(heads_.empty());
}

TEST_F(AdminApi, RefusesWhatItCannotRead) {
  const struct {
    const char* query;
    int status;
    const char* body;
  } cases[] = {
      {"", 400,
       R"({"status":"error","errorType":"bad_data","error":"no match[] parameter provided"})"},
      {"match[]=up&start=x", 400,
       R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp"})"},
      {"match[]=up%7B", 400,
       R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"match[]\": 1:4: parse error: unexpected end of input inside braces"})"},
  };
  for (const auto& c : cases) {
    const Response response = Call("delete_series", c.query);
    EXPECT_EQ(response.status, c.status) << c.query;
    EXPECT_EQ(response.body, c.body);
  }
  EXPECT_TRUE(deleted_.empty());
}

TEST_F(AdminApi, IsOffUnlessAskedFor) {
  for (const char* what : {"delete_series", "clean_tombstones", "seal", "snapshot"}) {
    const Response response = Call(what, "match[]=up", false);
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.body,
              R"({"status":"error","errorType":"unavailable","error":"admin APIs disabled"})");
    EXPECT_EQ(Call(what, "match[]=up", true, "GET").status, 405);
  }
  EXPECT_TRUE(deleted_.empty());
  EXPECT_TRUE(heads_.empty());
  EXPECT_EQ(cleaned_, 0);
  EXPECT_EQ(sealed_, 0);
}

TEST_F(AdminApi, CleansAndTellsFailures) {
  EXPECT_EQ(Call("clean_tombstones", "").status, 204);
  EXPECT_EQ(cleaned_, 1);
  EXPECT_EQ(Call("seal", "").status, 204);
  EXPECT_EQ(sealed_, 1);
  status_ = absl::UnavailableError("no space");
  EXPECT_EQ(Call("clean_tombstones", "").status, 500);
  EXPECT_EQ(Call("seal", "").status, 500);
  EXPECT_EQ(Call("snapshot", "").status, 500);
  const Response response = Call("delete_series", "match[]=up");
  EXPECT_EQ(response.status, 500);
  EXPECT_NE(response.body.find("no space"), std::string::npos);
  EXPECT_TRUE(response.headers.empty());
}

}  // namespace
}  // namespace slowburn::api
