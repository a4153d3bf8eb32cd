from gateway.core.control import ALL_RIGHTS, Control, Right


def test_settings_name_them() -> None:
    assert [control.value for control in Control] == ["agents", "passthrough"]
    assert {right.value for right in Right} == {"instructions", "tools"}
    assert frozenset(Right) == ALL_RIGHTS
