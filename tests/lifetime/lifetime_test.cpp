#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

namespace {

class Lifetime : public ::testing::TestWithParam<std::string> {};

TEST_P(Lifetime, L15_AStaticRuntimeDiesCleanlyAtExit) {
  for (int i = 0; i < 10; ++i) {
    const int status = std::system(("'" LANEWAY_STATIC_RUNTIME "' " + GetParam()).c_str());
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_EQ(WEXITSTATUS(status), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, Lifetime, ::testing::Values("toy", "ort"), [](const auto& engine) { return engine.param; });

}  // namespace
