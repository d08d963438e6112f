"""The machinery and the domain of the console; knows no Streamlit."""
