#include "storage/sqlite/stored_form.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace data_bridge::storage::sqlite {
namespace {

CellView text(std::string_view text) { return {.type = CellView::Type::kText, .text = text}; }
CellView integer(std::int64_t number) { return {.type = CellView::Type::kInteger, .integer = number}; }
CellView real(double number) { return {.type = CellView::Type::kReal, .real = number}; }
std::optional<Cell> as(std::string_view text) { return Cell(std::string(text)); }

TEST(StoredFormTest, JsonOfAValueThatNowStandsAloneIsOfAnEarlierRelease) {
  EXPECT_EQ(form_of(ColumnKind::kDate, text(R"("2024-01-31")")), Form::kEarlier);
  EXPECT_EQ(form_of(ColumnKind::kTime, text(R"("10:00:00")")), Form::kEarlier);
  EXPECT_EQ(form_of(ColumnKind::kDuration, text(R"("P1DT3.5S")")), Form::kEarlier);
  EXPECT_EQ(form_of(ColumnKind::kDecimal, text(R"("1.10")")), Form::kEarlier);
  EXPECT_EQ(form_of(ColumnKind::kDatetime, text(R"("2024-01-31T10:00:00Z")")), Form::kEarlier);
  EXPECT_EQ(form_of(ColumnKind::kUuid, text(R"("0190f5e7-8b5e-7000-8000-000000000000")")), Form::kEarlier);
  EXPECT_EQ(in_present_form(ColumnKind::kDate, text(R"("2024-01-31")")), as("2024-01-31"));
  EXPECT_EQ(in_present_form(ColumnKind::kDecimal, text(R"("1.10")")), as("1.10"));
}

TEST(StoredFormTest, WhatMayBeMeantStays) {
  // Texts of clients, and defaults that nobody validates.
  for (const std::string_view stored : {R"("2024-01-31")", "", "abc"}) {
    EXPECT_EQ(form_of(ColumnKind::kText, text(stored)), Form::kPresent);
    EXPECT_EQ(in_present_form(ColumnKind::kText, text(stored)), as(stored));
  }
  EXPECT_EQ(form_of(ColumnKind::kDate, text("unknown")), Form::kPresent);
  EXPECT_EQ(form_of(ColumnKind::kDate, text(R"("unknown")")), Form::kPresent);
  EXPECT_EQ(form_of(ColumnKind::kDate, CellView{}), Form::kPresent);
  EXPECT_EQ(form_of(ColumnKind::kReal, integer(1)), Form::kPresent);
}

TEST(StoredFormTest, CellsThatNoReleaseHasWrittenAreForeign) {
  EXPECT_EQ(form_of(ColumnKind::kInteger, text("1")), Form::kForeign);
  EXPECT_EQ(form_of(ColumnKind::kInteger, real(1)), Form::kForeign);
  EXPECT_EQ(form_of(ColumnKind::kBoolean, integer(2)), Form::kForeign);
  EXPECT_EQ(form_of(ColumnKind::kReal, text("dear")), Form::kForeign);
  EXPECT_EQ(form_of(ColumnKind::kJson, text("[1")), Form::kForeign);
  EXPECT_EQ(form_of(ColumnKind::kText, integer(1)), Form::kForeign);
  EXPECT_EQ(form_of(ColumnKind::kBigInteger, text("1e3")), Form::kForeign);
}

TEST(StoredFormTest, AConversionKeepsEveryDigitOrIsNone) {
  EXPECT_EQ(in_present_form(ColumnKind::kInteger, text("-12")), Cell(std::int64_t{-12}));
  EXPECT_EQ(in_present_form(ColumnKind::kInteger, real(3)), Cell(std::int64_t{3}));
  for (const std::string_view no : {"007", "1.0", "", " 1", "9223372036854775808"}) {
    EXPECT_EQ(in_present_form(ColumnKind::kInteger, text(no)), std::nullopt) << no;
  }
  EXPECT_EQ(in_present_form(ColumnKind::kInteger, real(0.5)), std::nullopt);
  EXPECT_EQ(in_present_form(ColumnKind::kInteger, real(std::numeric_limits<double>::infinity())), std::nullopt);
  EXPECT_EQ(in_present_form(ColumnKind::kReal, text("0.10")), Cell(0.1));
  EXPECT_EQ(in_present_form(ColumnKind::kReal, text("0.10000000000000000001")), std::nullopt);
  EXPECT_EQ(in_present_form(ColumnKind::kBoolean, text("true")), Cell(std::int64_t{1}));
  EXPECT_EQ(in_present_form(ColumnKind::kBoolean, integer(2)), std::nullopt);
  EXPECT_EQ(in_present_form(ColumnKind::kText, integer(7)), as("7"));
  EXPECT_EQ(in_present_form(ColumnKind::kDecimal, real(0.1)), as("0.1"));
  EXPECT_EQ(in_present_form(ColumnKind::kDate, integer(7)), std::nullopt);
  EXPECT_EQ(in_present_form(ColumnKind::kJson, text("not json")), std::nullopt);
  EXPECT_EQ(in_present_form(ColumnKind::kJson, integer(7)), as("7"));
}

}  // namespace
}  // namespace data_bridge::storage::sqlite
