public enum InputsPlaceholder {}
