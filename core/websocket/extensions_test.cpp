// Offers of extensions, and what is agreed on.
#include "websocket/extensions.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace data_bridge::websocket {
namespace {

/// Our field for these lines; "-" where the connection goes on without; "! ..." where they cannot be read.
std::string answer(const std::vector<std::string_view>& lines) {
  std::vector<ExtensionOffer> offers;
  for (const std::string_view line : lines) {
    std::size_t position = 0;
    if (const char* error = read_offers(line, offers, position)) {
      return "! " + std::string(error) + " at " + std::to_string(position);
    }
  }
  const auto agreement = agree(offers);
  return agreement ? agreement->field : "-";
}

TEST(ExtensionsTest, WhatIsAgreedOn) {
  const std::string kBare = "permessage-deflate; server_max_window_bits=12";
  const std::vector<std::pair<std::string_view, std::string>> cases{
      {"permessage-deflate", kBare},
      {"permessage-deflate; client_max_window_bits", kBare + "; client_max_window_bits=12"},
      {"permessage-deflate; client_max_window_bits=10", kBare + "; client_max_window_bits=10"},
      {"permessage-deflate; client_max_window_bits=15", kBare + "; client_max_window_bits=12"},
      {"permessage-deflate;server_max_window_bits=9", "permessage-deflate; server_max_window_bits=9"},
      {"permessage-deflate; server_max_window_bits=15", kBare},
      {"permessage-deflate; server_max_window_bits=\"11\"", "permessage-deflate; server_max_window_bits=11"},
      {"permessage-deflate; client_no_context_takeover; server_no_context_takeover",
       "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12"},
      {"permessage-deflate; server_max_window_bits=8", "-"},
      {"permessage-deflate; server_max_window_bits=8, permessage-deflate", kBare},
      {"x, permessage-deflate", kBare},
      {"permessage-deflate, permessage-deflate; server_max_window_bits=9", kBare},
      {"permessage-deflat", "-"},
      {"Permessage-Deflate", "-"},
  };
  for (const auto& [offer, expected] : cases) EXPECT_EQ(answer({offer}), expected) << offer;
}

// RFC 7692, 7.1: what declines an offer.
TEST(ExtensionsTest, WhatIsDeclined) {
  for (const std::string_view parameter :
       {"unknown", "server_no_context_takeover=1", "client_no_context_takeover=1", "server_max_window_bits",
        "server_max_window_bits=7", "server_max_window_bits=16", "server_max_window_bits=09",
        "server_max_window_bits=1", "server_max_window_bits=100", "client_max_window_bits=7",
        "client_max_window_bits=16", "client_max_window_bits=1a", "server_max_window_bits=9; server_max_window_bits=9",
        "client_max_window_bits; client_max_window_bits", "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover", "Server_Max_Window_Bits=9"}) {
    EXPECT_EQ(answer({"permessage-deflate; " + std::string(parameter)}), "-") << parameter;
  }
}

TEST(ExtensionsTest, SeveralLines) {
  EXPECT_EQ(answer({"x", "permessage-deflate"}), "permessage-deflate; server_max_window_bits=12");
  EXPECT_EQ(answer({}), "-");
}

TEST(ExtensionsTest, EmptyElementsAreNoOffers) {
  EXPECT_EQ(answer({", ,permessage-deflate , ,"}), "permessage-deflate; server_max_window_bits=12");
}

TEST(ExtensionsTest, WhatCannotBeRead) {
  const std::vector<std::pair<std::string_view, std::string>> cases{
      {"", "! expected token at 0"},
      {"a b", "! expected comma at 2"},
      {"a;", "! expected token at 2"},
      {"a; b=", "! expected token at 5"},
      {"a; b=\"c", "! expected quoted string at 5"},
      {"a; b=\"c d\"", "! invalid quoted header content at 5"},
      {"a; b=\"\"", "! invalid quoted header content at 5"},
      {"a, (", "! expected token at 3"},
      {"a; =b", "! expected token at 3"},
  };
  for (const auto& [field, expected] : cases) EXPECT_EQ(answer({field}), expected) << field;
}

}  // namespace
}  // namespace data_bridge::websocket
