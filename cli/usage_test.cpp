#include "cli/usage.h"

#include <gtest/gtest.h>

namespace laneway::cli {
namespace {

using namespace std::chrono_literals;

std::optional<std::string> near(std::string_view got) {
  const std::vector<std::string> known = {"run", "inspect", "bench", "doctor", "sequence", "batch"};
  return near_match(got, known);
}

TEST(Usage, NearMatchesAreAFewEditsAway) {
  EXPECT_EQ(near("bnech"), "bench");
  EXPECT_EQ(near("Inspect"), "inspect");
  EXPECT_EQ(near("sequnce"), "sequence");
  EXPECT_EQ(near("docter"), "doctor");
  EXPECT_EQ(near("rnu"), "run");
  EXPECT_EQ(near("seq"), "sequence");
  EXPECT_EQ(near("train"), std::nullopt);
  EXPECT_EQ(near(""), std::nullopt);
  EXPECT_EQ(near_match("y", std::vector<std::string>{"x"}), std::nullopt) << "nothing of it is right";
}

TEST(Usage, Durations) {
  EXPECT_EQ(duration_of("--t", "5ms"), 5ms);
  EXPECT_EQ(duration_of("--t", "100us"), 100us);
  EXPECT_EQ(duration_of("--t", "2s"), 2s);
  EXPECT_EQ(duration_of("--t", "0.5s"), 500ms);
  EXPECT_EQ(duration_of("--t", "250ns"), 250ns);
  EXPECT_EQ(duration_of("--t", "0s"), 0s);
  for (const char* wrong : {"", "5", "ms", "-5ms", "5 ms", "5msx", "1e400s", "99999999999s", "."})
    EXPECT_THROW(duration_of("--t", wrong), UsageError) << wrong;
}

TEST(Usage, Shapes) {
  EXPECT_EQ(shape_of("--s", "1x3x224"), Shape(1, 3, 224));
  EXPECT_EQ(shape_of("--s", "7"), Shape(7));
  EXPECT_EQ(shape_of("--s", "0"), Shape(0));
  EXPECT_EQ(shape_of("--s", ""), Shape());
  for (const char* wrong : {"x", "1x", "x1", "1xx2", "-1", "1x2y", "1 x2", "1x1x1x1x1x1x1x1x1x1x1x1x1"})
    EXPECT_THROW(shape_of("--s", wrong), UsageError) << wrong;
}

TEST(Usage, Assignments) {
  EXPECT_EQ(assignment_of("--i", "a=b=c").value, "b=c");
  EXPECT_EQ(assignment_of("--i", "a=").value, "");
  EXPECT_THROW(assignment_of("--i", "a"), UsageError);
  EXPECT_THROW(assignment_of("--i", "=a"), UsageError);
  EXPECT_THROW(count_of("--n", "2147483648", 2147483647), UsageError);
  EXPECT_EQ(count_of("--n", "2147483647", 2147483647), 2147483647);
}

}  // namespace
}  // namespace laneway::cli
