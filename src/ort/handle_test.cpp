#include "laneway/ort/handle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnxruntime_c_api.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "ort_support/models.h"

namespace laneway::ort {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool compiles(int wrong) {
  const std::string root = LANEWAY_TEST_SOURCE_DIR;
  const std::string command =
      std::string(LANEWAY_TEST_COMPILER) + " -std=c++20 -fsyntax-only -DLANEWAY_WRONG=" + std::to_string(wrong) + " -I" + root +
      "/include -I" + root + "/src -isystem " + LANEWAY_TEST_ORT_HEADERS + " " + LANEWAY_TEST_RELEASE_PAIRS + " > /dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}

// As the headers have them, those of sub-tables included.
std::set<std::string> release_functions() {
  const std::string header = contents(fs::path(LANEWAY_TEST_ORT_HEADERS) / "onnxruntime_c_api.h");
  std::set<std::string> names;
  const std::regex classes(R"(ORT_CLASS_RELEASE\((\w+)\))"), others(R"(\b(Release\w+)\s*[,)])");
  for (std::sregex_iterator hit(header.begin(), header.end(), classes), end; hit != end; ++hit)
    names.insert("Release" + (*hit)[1].str());
  for (std::sregex_iterator hit(header.begin(), header.end(), others), end; hit != end; ++hit) names.insert((*hit)[1]);
  return names;
}

TEST(OrtHandle, O03_AWrongPairOfHandleAndReleaseDoesNotCompile) {
  EXPECT_TRUE(compiles(0));
  for (int wrong = 1; wrong <= 5; ++wrong) EXPECT_FALSE(compiles(wrong)) << wrong;
}

TEST(OrtHandle, O03_OneFileAloneCallsAReleaseFunction) {
  const std::set<std::string> names = release_functions();
  ASSERT_THAT(names, testing::IsSupersetOf({"ReleaseEnv", "ReleaseStatus", "ReleaseAvailableProviders"}));
  const fs::path root = LANEWAY_TEST_SOURCE_DIR;
  std::vector<std::string> callers;
  for (const char* folder : {"include", "src", "cli", "examples"}) {
    if (!fs::exists(root / folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string path = fs::relative(entry.path(), root).string();
      if (!entry.is_regular_file() || path.ends_with("_test.cpp") || path.ends_with(".txt")) continue;
      const std::string text = contents(entry.path());
      const std::regex word(R"(\bRelease\w+)");
      for (std::sregex_iterator hit(text.begin(), text.end(), word), end; hit != end; ++hit) {
        if (names.contains(hit->str())) callers.push_back(path + ": " + hit->str());
      }
    }
  }
  for (const std::string& caller : callers) EXPECT_TRUE(caller.starts_with("src/ort/handle.h: ")) << caller;
}

// What a user does who needs more than we wrap: the same numbers come out, and everything is still ours afterwards.
TEST(OrtHandle, O03_NativeHandlesServeTheCApiAndStayOurs) {
  const auto session = open_model(test_models::relu());
  const OrtApi& api = *session->library()->api();
  std::vector<float> x = {-2, 3, -1, 5};
  Value value = over(x, {4});
  const char* const input = "x";
  const char* const output = "y";
  const OrtValue* const inputs[] = {value.native()};
  OrtValue* y = nullptr;
  ASSERT_EQ(api.Run(session->native(), nullptr, &input, inputs, 1, &output, 1, &y), nullptr);
  void* data = nullptr;
  ASSERT_EQ(api.GetTensorMutableData(y, &data), nullptr);
  const float* first = static_cast<const float*>(data);
  EXPECT_THAT(std::vector<float>(first, first + 4), testing::ElementsAre(0, 3, 0, 5));
  api.ReleaseValue(y);
  const std::vector<Value> again = run_once(session, {&value});
  EXPECT_THAT(elements_of<float>(again[0]), testing::ElementsAre(0, 3, 0, 5));
  EXPECT_NE(session->environment()->native(), nullptr);
  EXPECT_EQ(session->library()->api_bytes() % sizeof(void*), 0u);
}

TEST(OrtHandle, O03_ChildrenKeepTheirParents) {
  std::weak_ptr<const Environment> environment;
  std::weak_ptr<const Session> session;
  {
    std::optional<Binding> binding;
    std::optional<Allocator> allocator;
    {
      const auto opened = open_model(test_models::relu());
      session = opened;
      environment = opened->environment();
      binding = take(Binding::make(opened));
      allocator = take(opened->host_allocator());
    }
    EXPECT_FALSE(session.expired());
    binding.reset();
    EXPECT_FALSE(session.expired()) << "the allocator is the session's";
    const Allocation allocation = take(allocator->allocate(100));
    allocator.reset();
    EXPECT_FALSE(session.expired()) << "the allocation lies in the session's arena";
    EXPECT_FALSE(environment.expired());
  }
  EXPECT_TRUE(session.expired());
  EXPECT_TRUE(environment.expired());
}

}  // namespace
}  // namespace laneway::ort
