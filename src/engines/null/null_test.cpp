#include <gtest/gtest.h>

#include "laneway/engine/engine.h"
#include "laneway/engines/null.h"

namespace laneway {
namespace {

TEST(NullEngine, AnswersUnimplementedAndSaysWhoDoes) {
  const EngineChoice choice = NullEngineSpec{};
  EXPECT_EQ(choice.name(), "null");
  const auto opened = choice.opener()({.model = ModelBytes{}});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::unimplemented);
  EXPECT_EQ(opened.error().message().substr(0, 13), "engine null: ");
}

TEST(NullEngine, ChecksThreadsFirst) {
  const auto opened = NullEngineSpec{}.open({.model = ModelBytes{}, .threads = {.count = 0}});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace laneway
