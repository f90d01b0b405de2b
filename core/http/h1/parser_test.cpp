// The request parser and chunked decoder against the cases of Http11Probe, each cut at every byte.
#include "http/h1/parser.hpp"

#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string>
#include <vector>

#include "http/characters.hpp"
#include "http/h1/message_reader.hpp"

namespace data_bridge::http::h1 {
namespace {

// Expectations other than a status.
constexpr int kAccepted = 0;
constexpr int kIncomplete = 1;

struct Case {
  const char* name;
  std::string_view bytes;
  int expected;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name.
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

using namespace std::string_view_literals;

constexpr Case kCases[] = {
    // Compliance
    {"BASELINE", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"OBS-FOLD", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
    {"SP-BEFORE-COLON", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
    {"MISSING-HOST", "GET / HTTP/1.1\r\nX: a\r\n\r\n", 400},
    {"CR-ONLY-LINE-ENDING", "GET / HTTP/1.1\rHost: a\r\r", 400},
    {"DUPLICATE-HOST", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    {"DUPLICATE-HOST-SAME", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
    {"EMPTY-HEADER-NAME", "GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n", 400},
    {"MISSING-TARGET", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"INVALID-HEADER-NAME", "GET / HTTP/1.1\r\nHost: a\r\nBad[Name: a\r\n\r\n", 400},
    {"HEADER-NO-COLON", "GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", 400},
    {"CL-NON-NUMERIC", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\n", 400},
    {"CL-PLUS-SIGN", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400},
    {"WHITESPACE-BEFORE-HEADERS", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
    {"HOST-WITH-USERINFO", "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", 400},
    {"HOST-WITH-PATH", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"HOST-EMPTY-VALUE", "GET / HTTP/1.1\r\nHost: \r\n\r\n", 400},
    {"ASTERISK-WITH-GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"VERSION-MISSING-MINOR", "GET / HTTP/1\r\nHost: a\r\n\r\n", 400},
    {"VERSION-LEADING-ZEROS", "GET / HTTP/01.01\r\nHost: a\r\n\r\n", 400},
    {"VERSION-WHITESPACE", "GET / HTTP/ 1.1\r\nHost: a\r\n\r\n", 400},
    {"VERSION-CASE", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
    {"SPACE-IN-TARGET", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"BARE-LF-REQUEST-LINE", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
    {"BARE-LF-HEADER", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
    {"BARE-LF-EVERYWHERE", "GET / HTTP/1.1\nHost: a\n\n", 400},
    {"MULTI-SP-REQUEST-LINE", "GET  /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"FRAGMENT-IN-TARGET", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"REQUEST-LINE-TAB", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"LEADING-CRLF", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"LEADING-CRLF-ONE", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"LEADING-LF", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"DUPLICATE-CT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: a/c\r\n\r\n", kAccepted},
    {"HTTP09-REQUEST", "GET /\r\n", 400},
    {"INVALID-VERSION", "GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505},
    {"HTTP20", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"UNKNOWN-TE-501", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
    {"METHOD-CONNECT", "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", 405},
    {"CONNECT-ORIGIN-FORM", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"AUTHORITY-FORM-WITH-GET", "GET a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n", 400},
    {"UNKNOWN-METHOD", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"METHOD-CASE", "get / HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"EXPECT-UNKNOWN", "POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 0\r\n\r\n", kAccepted},
    {"EXPECT-UNKNOWN-10", "POST / HTTP/1.0\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 0\r\n\r\n", kAccepted},
    {"OPTIONS-STAR", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"ABSOLUTE-FORM", "GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"ABSOLUTE-FORM-OTHER-SCHEME", "GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"ABSOLUTE-FORM-USERINFO", "GET http://u@a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"POST-CL-BODY", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", kAccepted},
    {"POST-CL-ZERO", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", kAccepted},
    {"POST-NO-CL-NO-TE", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"POST-CL-UNDERSEND", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello", kIncomplete},
    {"CHUNKED-BODY", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     kAccepted},
    {"CHUNKED-MULTI",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
     kAccepted},
    {"CHUNKED-EMPTY", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", kAccepted},
    {"CHUNKED-NO-FINAL", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", kIncomplete},
    {"CHUNKED-EXTENSION",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=value\r\nhello\r\n0\r\n\r\n", kAccepted},
    {"CHUNKED-EXTENSION-QUOTED",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\\\"; c\";d\r\nhello\r\n0\r\n\r\n",
     kAccepted},
    {"CHUNKED-TRAILER-VALID",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", kAccepted},
    {"CHUNKED-HEX-UPPERCASE",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhellohello\r\n0\r\n\r\n", kAccepted},
    {"GET-WITH-CL-BODY", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", kAccepted},
    {"HTTP10-NO-HOST", "GET / HTTP/1.0\r\n\r\n", kAccepted},
    {"HTTP12-VERSION", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", kAccepted},
    // Smuggling: Content-Length
    {"DUPLICATE-CL", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
    {"DUPLICATE-CL-SAME", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
    {"CL-NEGATIVE", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
    {"CL-NEGATIVE-ZERO", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n\r\n", 400},
    {"CL-COMMA-DIFFERENT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello", 400},
    {"CL-COMMA-SAME", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", 400},
    {"CL-COMMA-TRIPLE", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,5,5\r\n\r\nhello", 400},
    {"CL-OCTAL", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0o5\r\n\r\nhello", 400},
    {"CL-HEX-PREFIX", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello", 400},
    {"CL-INTERNAL-SPACE", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 0\r\n\r\nhello", 400},
    {"CL-UNDERSCORE", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nhello", 400},
    {"CL-LEADING-ZEROS", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello", 400},
    {"CL-DOUBLE-ZERO", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n", 400},
    {"CL-LEADING-ZEROS-OCTAL", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 010\r\n\r\nhellohello", 400},
    {"CL-EXTRA-LEADING-SP", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:   5\r\n\r\nhello", kAccepted},
    {"CL-TRAILING-SPACE", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 \r\n\r\nhello", kAccepted},
    {"CL-TAB-BEFORE-VALUE", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\t5\r\n\r\nhello", kAccepted},
    {"CL-OVERFLOW", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
    {"CL-ABOVE-INT64", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", 400},
    {"CL-EMPTY", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", 400},
    // Smuggling: Transfer-Encoding
    {"CL-TE-BOTH", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400},
    {"TE-XCHUNKED", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\nhello", 400},
    {"TE-IDENTITY", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", 400},
    {"TE-SP-BEFORE-COLON", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
    {"TE-DOUBLE-CHUNKED", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
    {"TE-NOT-FINAL-CHUNKED", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400},
    {"TE-HTTP10", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"TE-EMPTY-VALUE", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \r\n\r\n", 400},
    {"TE-LEADING-COMMA", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , chunked\r\n\r\n0\r\n\r\n", 400},
    {"TE-TRAILING-COMMA", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", 400},
    {"TE-DUPLICATE-HEADERS",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"TE-VTAB",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
     "chunked\r\n\r\n0\r\n\r\n",
     400},
    {"TE-FORMFEED",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0c"
     "chunked\r\n\r\n0\r\n\r\n",
     400},
    {"TE-NULL", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n"sv, 400},
    {"TE-OBS-FOLD", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
    {"CHUNKED-WITH-PARAMS", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400},
    {"UNDERSCORE-TE", "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"UNDERSCORE-CL", "POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\nhello", 400},
    {"UNDERSCORE-OTHER", "GET / HTTP/1.1\r\nHost: a\r\nx_other: 5\r\n\r\n", kAccepted},
    {"CASE-TE", "POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
    {"TAB-IN-NAME", "GET / HTTP/1.1\r\nHost: a\r\nX\tY: a\r\n\r\n", 400},
    // Smuggling: chunks
    {"CHUNK-BARE-SEMICOLON", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\r\nhello\r\n0\r\n\r\n",
     400},
    {"CHUNK-EXT-INVALID-TOKEN",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a b\r\nhello\r\n0\r\n\r\n", 400},
    {"CHUNK-EXT-LF", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n", 400},
    {"CHUNK-EXT-CTRL", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\x01\r\nhello\r\n0\r\n\r\n",
     400},
    {"CHUNK-EXT-CR", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n",
     400},
    {"CHUNK-EXT-NO-VALUE", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\r\nhello\r\n0\r\n\r\n",
     400},
    {"CHUNK-UNDERSCORE", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1_0\r\nhello\r\n0\r\n\r\n",
     400},
    {"CHUNK-HEX-PREFIX", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
     400},
    {"CHUNK-SIZE-PLUS", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
     400},
    {"CHUNK-SIZE-TRAILING-OWS",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", 400},
    {"CHUNK-LEADING-SP", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n",
     400},
    {"CHUNK-MISSING-TRAILING-CRLF",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n", 400},
    {"CHUNK-SPILL", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!!\r\n0\r\n\r\n", 400},
    {"CHUNK-LF-TERM", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", 400},
    {"CHUNK-LF-SIZE", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400},
    {"CHUNK-LF-TRAILER", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\n", 400},
    {"CHUNK-NEGATIVE", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", 400},
    {"CHUNK-BARE-CR-TERM", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\rhello\r\n0\r\n\r\n",
     400},
    {"CHUNK-NO-SIZE", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", 400},
    {"CHUNK-SIZE-OVERFLOW",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nhello\r\n", 400},
    {"CHUNK-SIZE-17-DIGITS",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000005\r\nhello\r\n0\r\n\r\n", 400},
    {"TRAILER-CL", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
     400},
    {"TRAILER-CL-UNDERSCORE",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\ncontent_length: 5\r\n\r\n", 400},
    {"TRAILER-TE",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"TRAILER-HOST", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n", 400},
    {"TRAILER-AUTH", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: b\r\n\r\n",
     400},
    {"TRAILER-CONTENT-TYPE",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Type: b\r\n\r\n", 400},
    {"TRAILER-NO-COLON", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX\r\n\r\n", 400},
    {"TRAILER-OBS-FOLD", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n",
     400},
    // Smuggling: the rest
    {"BARE-CR-HEADER-VALUE", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
    {"MULTIPLE-HOST-COMMA", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
    {"ABSOLUTE-URI-HOST-MISMATCH", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"HEAD-CL-BODY", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", kAccepted},
    {"OPTIONS-CL-BODY", "OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", kAccepted},
    {"EXPECT-100-CL", "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
     kAccepted},
    // Malformed
    {"NUL-IN-URL", "GET /\0a HTTP/1.1\r\nHost: a\r\n\r\n"sv, 400},
    {"NUL-IN-HEADER-VALUE", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"sv, 400},
    {"CONTROL-CHARS-HEADER", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01\x02\r\n\r\n", 400},
    {"DEL-IN-HEADER", "GET / HTTP/1.1\r\nHost: a\r\nX: abcdefghij\x7fk\r\n\r\n", 400},
    {"OBS-TEXT-IN-HEADER", "GET / HTTP/1.1\r\nHost: a\r\nX: caf\xe9 \xc3\xa9\t.\r\n\r\n", kAccepted},
    {"NON-ASCII-HEADER-NAME", "GET / HTTP/1.1\r\nHost: a\r\nX\xc3\xa9: a\r\n\r\n", 400},
    {"NON-ASCII-URL", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"URL-OVERLONG-UTF8", "GET /\xc0\xaf HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"URL-BACKSLASH", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"URL-PERCENT-NULL", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", kAccepted},
    {"LONG-METHOD", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"BINARY-GARBAGE", "\x16\x03\x01\x02\x00\x01\x00"sv, 400},
    {"WHITESPACE-ONLY-LINE", "   \r\n\r\n", 400},
    {"H2-PREFACE", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
    {"INCOMPLETE-REQUEST", "GET / HTTP/1.1\r\nHost: a", kIncomplete},
    {"EMPTY-REQUEST", "", kIncomplete},
    {"ONLY-CRLF", "\r\n", kIncomplete},
    {"COOK-NUL", "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=b\0\r\n\r\n"sv, 400},
    {"COOK-EMPTY", "GET / HTTP/1.1\r\nHost: a\r\nCookie: \r\n\r\n", kAccepted},
    {"COOK-MULTI-HEADER", "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n", kAccepted},
};

int outcome(const Reading& reading) {
  switch (reading.end) {
    case Reading::End::kComplete:
      return kAccepted;
    case Reading::End::kIncomplete:
      return kIncomplete;
    case Reading::End::kRejected:
      return status_of(reading.error);
  }
  return -1;
}

class Http11Probe : public testing::TestWithParam<Case> {};

TEST_P(Http11Probe, AnswersAsExpected) {
  const Limits limits;
  HeadParser parser(limits);
  EXPECT_EQ(outcome(read_message(parser, limits, GetParam().bytes, {})), GetParam().expected);
}

TEST_P(Http11Probe, MeansTheSameHoweverItIsCut) {
  const Limits limits;
  HeadParser parser(limits);
  const std::string_view bytes = GetParam().bytes;
  const Reading whole = read_message(parser, limits, bytes, {});
  std::vector<std::size_t> every;
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    every.push_back(i);
    EXPECT_EQ(read_message(parser, limits, bytes, std::array{i}), whole) << "cut at " << i;
  }
  EXPECT_EQ(read_message(parser, limits, bytes, every), whole) << "byte by byte";
}

std::string test_name(const testing::TestParamInfo<Case>& parameter) {
  std::string name = parameter.param.name;
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, Http11Probe, testing::ValuesIn(kCases), test_name);

struct Parsed {
  HeadParser parser;
  HeadParser::Outcome outcome;
  std::string bytes;
  explicit Parsed(std::string text, const Limits& limits = {}) : parser(limits), bytes(std::move(text)) {
    HeadProgress progress;
    outcome = parser.parse(bytes, progress);
  }
  [[nodiscard]] int status() const { return outcome == HeadParser::Outcome::kRejected ? status_of(parser.error()) : 0; }
};

TEST(HeadParser, GivesTheRequestInViews) {
  const Parsed parsed(
      "PUT /a%20b?x=1&y=2 HTTP/1.1\r\nHost: example.org:8080\r\nContent-Length: 42\r\nX-Empty:\r\n"
      "X-Padded: \t both sides \t\r\nExpect: 100-Continue\r\nConnection: foo, Close\r\n\r\n");
  ASSERT_EQ(parsed.outcome, HeadParser::Outcome::kComplete);
  const Request& request = parsed.parser.request();
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.target, "/a%20b?x=1&y=2");
  EXPECT_EQ(request.path, "/a%20b");
  EXPECT_EQ(request.query, "x=1&y=2");
  EXPECT_EQ(request.host, "example.org:8080");
  EXPECT_EQ(request.content_length, 42U);
  EXPECT_EQ(request.header("x-empty"), "");
  EXPECT_EQ(request.header("X-PADDED"), "both sides");
  EXPECT_EQ(request.header("x-absent"), std::nullopt);
  EXPECT_TRUE(request.expects_continue);
  EXPECT_FALSE(request.keep_alive);
  EXPECT_EQ(request.headers.size(), 6U);
  EXPECT_EQ(parsed.parser.size(), parsed.bytes.size());
}

TEST(HeadParser, FormsOfTheTarget) {
  struct {
    const char* line;
    const char* path;
    const char* query;
  } constexpr kForms[] = {
      {"GET / HTTP/1.1", "/", ""},
      {"GET /? HTTP/1.1", "/", ""},
      {"GET //a//b?c?d HTTP/1.1", "//a//b", "c?d"},
      {"GET http://h HTTP/1.1", "/", ""},
      {"GET HTTP://H?q HTTP/1.1", "/", "q"},
      {"GET https://h/p?q HTTP/1.1", "/p", "q"},
      {"OPTIONS * HTTP/1.1", "*", ""},
  };
  for (const auto& form : kForms) {
    const Parsed parsed(std::string(form.line) + "\r\nHost: h\r\n\r\n");
    ASSERT_EQ(parsed.outcome, HeadParser::Outcome::kComplete) << form.line;
    EXPECT_EQ(parsed.parser.request().path, form.path) << form.line;
    EXPECT_EQ(parsed.parser.request().query, form.query) << form.line;
  }
}

TEST(HeadParser, Persistence) {
  const auto keep_alive = [](const char* version, const char* field) {
    const Parsed parsed("GET / HTTP/" + std::string(version) + "\r\nHost: h\r\n" + field + "\r\n");
    EXPECT_EQ(parsed.outcome, HeadParser::Outcome::kComplete);
    return parsed.parser.request().keep_alive;
  };
  EXPECT_TRUE(keep_alive("1.1", ""));
  EXPECT_FALSE(keep_alive("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keep_alive("1.1", "Connection: keep-alive\r\nConnection: x ,CLOSE\r\n"));
  EXPECT_TRUE(keep_alive("1.1", "Connection: closed\r\n"));
  EXPECT_FALSE(keep_alive("1.0", ""));
  EXPECT_TRUE(keep_alive("1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(keep_alive("1.0", "Connection: keep-alive, close\r\n"));
}

TEST(HeadParser, LimitsAreExact) {
  Limits limits;
  const auto target = [&](std::size_t size) {
    return Parsed("GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", limits).status();
  };
  EXPECT_EQ(target(limits.max_target_size), 0);
  EXPECT_EQ(target(limits.max_target_size + 1), 414);
  EXPECT_EQ(target(100'000), 414);

  const auto method = [&](std::size_t size) {
    return Parsed(std::string(size, 'A') + " / HTTP/1.1\r\nHost: h\r\n\r\n", limits).status();
  };
  EXPECT_EQ(method(limits.max_method_size), 0);
  EXPECT_EQ(method(limits.max_method_size + 1), 400);

  const auto fields = [&](std::size_t count) {
    std::string text = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (std::size_t i = 1; i < count; ++i) text += "a: b\r\n";
    return Parsed(text + "\r\n", limits).status();
  };
  EXPECT_EQ(fields(limits.max_fields), 0);
  EXPECT_EQ(fields(limits.max_fields + 1), 431);

  const auto head = [&](std::size_t size) {
    const std::string before = "GET / HTTP/1.1\r\nHost: h\r\nx: ";
    return Parsed(before + std::string(size - before.size() - 4, 'a') + "\r\n\r\n", limits).status();
  };
  EXPECT_EQ(head(limits.max_head_size), 0);
  EXPECT_EQ(head(limits.max_head_size + 1), 431);
  EXPECT_EQ(Parsed("GET / HTTP/1.1\r\n" + std::string(limits.max_head_size, 'n') + ": a\r\n\r\n", limits).status(),
            431);
}

TEST(HeadParser, HostsAndPorts) {
  for (const char* good : {"a", "a.b-c_d~", "127.0.0.1:80", "[::1]", "[::1]:8000", "a:", "a%20b", "x!$&'()*+;=",
                           "a:000080", "a:100000", "a:99999999999999999999", "[v1.foo]", "[VaF.a:b;c~]:1", "[:::]"}) {
    EXPECT_TRUE(valid_authority(good)) << good;
  }
  for (const char* bad : {"",         ":80",   "a b",  "a@b",  "a/b",   "a,b",   "a:b",    "[::1",      "[]",
                          "[::1]x",   "[::g]", "[:]",  "[v1]", "[v.a]", "[v1.]", "[vg.a]", "[v1.a%20]", "[v1.a,b]",
                          "[v1.a@b]", "a:8:0", "a:-1", "a?b",  "a#b",   "\"a\"", "a\\b"}) {
    EXPECT_FALSE(valid_authority(bad)) << bad;
  }
}

// Bytes that trickle in are not read over and over: a byte at a time costs about what a few reads cost.
TEST(HeadParser, AHeadThatTricklesInCostsLinearTime) {
  Limits limits;
  limits.max_head_size = limits.max_target_size = 64 * 1024;
  HeadParser parser(limits);
  const auto begun = std::chrono::steady_clock::now();
  for (const std::string_view beginning : {"GET / HTTP/1.1\r\nHost: h\r\nx: ", "GET /"}) {
    std::string text(beginning);
    text.resize(limits.max_head_size - 6, 'a');
    HeadProgress progress;
    for (std::size_t i = 1; i <= text.size(); ++i) {
      ASSERT_EQ(parser.parse(std::string_view(text).substr(0, i), progress), HeadParser::Outcome::kIncomplete);
    }
  }
  // Quadratic, this is two thousand million bytes.
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(400));
}

TEST(ChunkedDecoder, RefusesABodyThatIsMostlyFraming) {
  const Limits limits;
  ChunkedDecoder decoder(limits);
  ChunkedDecoder::Outcome outcome{};
  std::size_t payload = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string_view input = "1\r\nx\r\n";
    while (!input.empty()) {
      std::string_view piece;
      outcome = decoder.decode(input, piece);
      if (outcome != ChunkedDecoder::Outcome::kData) break;
      payload += piece.size();
    }
    if (outcome == ChunkedDecoder::Outcome::kRejected) break;
  }
  EXPECT_EQ(outcome, ChunkedDecoder::Outcome::kRejected);
  EXPECT_GT(payload, 15'000U);
  EXPECT_LT(payload, 30'000U);
}

TEST(ChunkedDecoder, LimitsExtensionsAndTrailers) {
  Limits limits;
  limits.max_fields = 100;
  limits.max_head_size = 64 * 1024;
  const auto decode = [&limits](const std::string& text) {
    ChunkedDecoder decoder(limits);
    std::string_view input = text;
    std::string_view piece;
    ChunkedDecoder::Outcome outcome{};
    do {
      outcome = decoder.decode(input, piece);
    } while (outcome == ChunkedDecoder::Outcome::kData);
    return outcome == ChunkedDecoder::Outcome::kRejected ? status_of(decoder.error()) : 0;
  };
  EXPECT_EQ(decode("1;" + std::string(200, 'a') + "\r\nx\r\n0\r\n\r\n"), 0);
  EXPECT_EQ(decode("1;" + std::string(300, 'a') + "\r\nx\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(decode("1;" + std::string(65'536, 'a')), 400);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "ff;" + std::string(250, 'a') + "\r\n" + std::string(255, 'x') + "\r\n";
  EXPECT_EQ(decode(many), 400) << "16 KiB of extensions in all";
  std::string trailers = "0\r\n";
  for (int i = 0; i < 100; ++i) trailers += "x: y\r\n";
  EXPECT_EQ(decode(trailers + "\r\n"), 0);
  EXPECT_EQ(decode(trailers + "x: y\r\n\r\n"), 431);
  EXPECT_EQ(decode("0\r\nx: " + std::string(70'000, 'y') + "\r\n\r\n"), 431);
}

TEST(OwnedRequest, OwnsEveryByteAndSurvivesAMove) {
  std::optional<OwnedRequest> owned;
  std::string before;
  {
    const Parsed parsed("GET http://h?a=b HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n");
    before = describe(parsed.parser.request());
    owned.emplace(parsed.parser.request(), "body");
  }
  const OwnedRequest moved = std::move(*owned);
  owned.reset();
  EXPECT_EQ(describe(moved.head()), before);
  EXPECT_EQ(moved.body(), "body");
}

TEST(Characters, FindControlAgreesWithItsDefinition) {
  for (std::size_t length = 0; length < 20; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text(length, '\xc3');
        text[at] = static_cast<char>(c);
        const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
        const char* const end = text.data() + text.size();
        ASSERT_EQ(find_control(text.data(), end), control ? text.data() + at : end) << c << " at " << at;
      }
    }
  }
}

}  // namespace
}  // namespace data_bridge::http::h1
