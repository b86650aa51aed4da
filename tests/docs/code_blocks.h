#pragma once
// What code blocks of README.md, docs/ and headers may take for granted.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "laneway/diag/log.h"
#include "laneway/diag/metrics.h"
#include "laneway/diag/trace.h"
#include "laneway/engine/check.h"
#include "laneway/engines/ort.h"
#include "laneway/laneway.h"
#include "laneway/ort/binding.h"
#include "models/models.h"

using namespace laneway;
using namespace std::chrono_literals;

/// Runs in a folder with the models that pages name.
class CodeBlocks : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder());
    std::filesystem::current_path(folder());
    write("encoder.onnx", test_models::encoder());
    write("mlp.onnx", test_models::mlp());
    write("counter.onnx", test_models::counter(true));
  }
  void TearDown() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder());
  }

  static void expect_success(const Expected<>& result) { EXPECT_TRUE(result) << result.error().message(); }

 private:
  static std::filesystem::path folder() {
    return std::filesystem::path(LANEWAY_TEST_BUILD_DIR) / "test-programs/code_blocks.folder";
  }
  static void write(const char* name, const std::string& model) { std::ofstream(name, std::ios::binary) << model; }

  std::filesystem::path before_ = std::filesystem::current_path();
};
