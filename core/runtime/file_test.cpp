// Regular files: what opens, what is in memory, what is not.
#include "runtime/file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "runtime/file_testing.hpp"

namespace data_bridge::runtime {
namespace {

TEST(File, OpensRegularFilesOnly) {
  const TestFiles files;
  const std::string path = files.make("a", "hello");
  const auto opened = open_file(path, Waiting::kAllowed);
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->size, 5U);
  EXPECT_EQ(open_file(files.path("none"), Waiting::kAllowed).error(), ENOENT);
  EXPECT_EQ(open_file(files.path(""), Waiting::kAllowed).error(), EISDIR);
  EXPECT_EQ(open_file(path + "/b", Waiting::kAllowed).error(), ENOTDIR);
  EXPECT_EQ(open_file(std::string("a\0b", 3), Waiting::kAllowed).error(), EINVAL);
  EXPECT_EQ(open_file("/dev/null", Waiting::kAllowed).error(), EINVAL);
  ASSERT_EQ(mkfifo(files.path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(open_file(files.path("fifo"), Waiting::kAllowed).error(), EINVAL);  // and does not wait for a writer
}

TEST(File, OpensWithoutWaitingWhatIsKnown) {
  const TestFiles files;
  const std::string path = files.make("a", "hello");
  ASSERT_TRUE(open_file(path, Waiting::kAllowed));
  const auto opened = open_file(path, Waiting::kNever);
  EXPECT_TRUE(opened || opened.error() == EAGAIN);  // a kernel, or a sandbox, that cannot tell
}

TEST(File, SaysWhatIsInMemory) {
  const TestFiles files;
  const std::string content = numbered(300'000);
  const std::string path = files.make("a", content);
  const auto file = *open_file(path, Waiting::kAllowed);
  load_into_cache(*file, 0, content.size());
  EXPECT_TRUE(is_cached(*file, 0, content.size()));
  EXPECT_TRUE(is_cached(*file, 4095, 2));
  std::string bytes(70'000, '\0');
  EXPECT_EQ(read_cached(*file, 5, bytes), bytes.size());
  EXPECT_EQ(bytes, content.substr(5, bytes.size()));
  EXPECT_EQ(read_cached(*file, content.size() - 3, bytes), 3U);
  EXPECT_FALSE(is_cached(*file, content.size() + 10'000, 10));
  load_into_cache(*file, content.size() + 10'000, 10);  // what is not there is nobody's fault

  TestFiles::forget(path);
  if (is_cached(*file, 200'000, 100)) GTEST_SKIP() << "a file system that keeps everything";
  load_into_cache(*file, 200'000, 50'000);
  EXPECT_TRUE(is_cached(*file, 200'000, 50'000));
}

}  // namespace
}  // namespace data_bridge::runtime
